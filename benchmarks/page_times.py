"""Time, processor time, size and queries of each address, measured in rounds that visit all addresses in turn."""

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from benchmarks.page_addresses import Address, Kind
from benchmarks.processor_time import tree_ms
from benchmarks.visitor import Visitor

BUDGETS_MS: dict[Kind, tuple[float, float]] = {
    "page": (25, 100),
    "fragment": (15, 50),
    "tail without news": (3, 10),
    "tail with 50 rows": (8, 25),
}
"""Median and 99th percentile."""

COMPRESSED_KB_MAX = 14.0

_EXECUTED = re.compile(r"LOG:  (?:execute [^:]*|statement): (.*)")
_CONTROL = re.compile(r"(?i)begin|commit|rollback|set |select set_config|select current_user")
"""Statements that start, bind, check and end a transaction: they read no data."""


@dataclass(slots=True)
class Measured:
    """Milliseconds of each request, and by round the processor time of a request in the API and in PostgreSQL."""

    address: Address
    times: list[float] = field(default_factory=list[float])
    api_ms: list[float] = field(default_factory=list[float])
    postgres_ms: list[float] = field(default_factory=list[float])
    size: int = 0
    compressed: int = 0
    queries: int = 0

    @property
    def p50(self) -> float:
        return median(self.times)

    @property
    def p99(self) -> float:
        return quantiles(self.times, n=100, method="inclusive")[98]

    def misses(self) -> list[str]:
        """Return the budgets that are not met."""
        p50, p99 = BUDGETS_MS[self.address.kind]
        checks = {
            f"p50 {self.p50:.1f} ms > {p50:.0f}": self.p50 > p50,
            f"p99 {self.p99:.1f} ms > {p99:.0f}": self.p99 > p99,
            f"{self.compressed / 1e3:.1f} kB compressed > {COMPRESSED_KB_MAX:.0f}": (
                self.compressed / 1e3 > COMPRESSED_KB_MAX
            ),
        }
        return [text for text, is_missed in checks.items() if is_missed]


def measure(
    visitor: Visitor, addresses: Sequence[Address], rounds: int, requests: int, api: int, postgres: int
) -> list[Measured]:
    """Visit each address `requests` times in each of `rounds`, after one round of five requests that is not counted.

    `api` and `postgres` are the ids of the main processes.
    """
    measured = [Measured(address) for address in addresses]
    for address in addresses:
        for turn in range(5):
            visitor.visit(address, turn)
    for number in range(rounds):
        for each in measured:
            before = tree_ms(api), tree_ms(postgres)
            for turn in range(requests):
                answer = visitor.visit(each.address, number * requests + turn)
                each.times.append(answer.ms)
                if len(answer.content) > each.size:
                    each.size, each.compressed = len(answer.content), len(gzip.compress(answer.content, 6))
            each.api_ms.append((tree_ms(api) - before[0]) / requests)
            each.postgres_ms.append((tree_ms(postgres) - before[1]) / requests)
    return measured


def count_queries(visitor: Visitor, measured: Sequence[Measured], log: Path) -> None:
    """Count the queries of each address in the log of a PostgreSQL server that logs all statements."""
    for each in measured:
        visitor.visit(each.address, 0)
        position = log.stat().st_size
        visitor.visit(each.address, 0)
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(position)
            executed = [found[1] for line in lines if (found := _EXECUTED.search(line))]
        each.queries = sum(_CONTROL.match(statement) is None for statement in executed)
