"""The contents of a usage report.

Requests are accepted uses, as everywhere. A request is an error if its call ended with one, and a success otherwise,
also before its end was recorded. Denied uses are not requests and are reported separately.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.read_models.usage.latency import Percentiles

LISTED_MAX = 100
"""The maximum number of MCP servers, tools or keys that a report lists, most used first."""


class _Queries(NamedTuple):
    mcp_names: bytes


_SQL = load(_Queries, __file__, "report.sql")


class Outcomes(NamedTuple):
    """Outcomes: `requests` were accepted, `failed` of them ended with an error, and `denied` uses were not accepted."""

    requests: int = 0
    denied: int = 0
    failed: int = 0
    billed: int = 0

    @property
    def succeeded(self) -> int:
        """Return the successes.

        Never negative, even for a moment in which the end of a call is counted before its use.
        """
        return max(self.requests - self.failed, 0)


def sum_of_outcomes(parts: Iterable[Outcomes]) -> Outcomes:
    return Outcomes(*[sum(counts) for counts in zip(*parts, strict=True)])


class Named(NamedTuple):
    """An MCP server or a key by its current name, or None if the id does not exist."""

    id: str
    name: str | None
    requests: int


class Tool(NamedTuple):
    """A tool. `mcp_id` is None for a tool without an MCP server."""

    mcp_id: str | None
    name: str
    requests: int


class Denial(NamedTuple):
    """The number of uses that were denied for a reason, an error code."""

    reason: str
    denied: int


def most_denied(denied: Mapping[str, int]) -> list[Denial]:
    """Return the numbers of denied uses by reason, most frequent first."""
    return [Denial(*item) for item in sorted(denied.items(), key=lambda item: (-item[1], item[0]))]


class Day(NamedTuple):
    """The outcomes of a day."""

    date: date
    outcomes: Outcomes


class Hour(NamedTuple):
    """The outcomes of an hour, identified by its start."""

    start: datetime
    outcomes: Outcomes


T = TypeVar("T", Named, Tool)


@dataclass(slots=True)
class Report:
    """A report.

    `hours` is empty unless they were requested. `tools`, `hours` and `denials` are empty for a report about all keys.
    `keys` is None for one about a key or an MCP server. Not `keys_exact`: the counts are exact, but another key may
    have more requests than the last ones.
    """

    total: Outcomes = field(default_factory=Outcomes)
    mcps: list[Named] = field(default_factory=list[Named])
    tools: list[Tool] = field(default_factory=list[Tool])
    keys: list[Named] | None = None
    keys_exact: bool = True
    days: list[Day] = field(default_factory=list[Day])
    hours: list[Hour] = field(default_factory=list[Hour])
    denials: list[Denial] = field(default_factory=list[Denial])
    latency_ms: Percentiles = field(default_factory=Percentiles)


async def named_mcps(connection: Connection, requests: Mapping[str, int]) -> list[Named]:
    """Return the MCP servers by name. A server that does not exist or no longer exists has no name."""
    cursor = await connection.execute(_SQL.mcp_names, (list(requests),))
    names: dict[str, str] = dict(await cursor.fetchall())
    return most_used([Named(mcp_id, names.get(mcp_id), count) for mcp_id, count in requests.items()])


def most_used(found: Iterable[T]) -> list[T]:
    used = [item for item in found if item.requests]
    return sorted(used, key=lambda item: (-item.requests, item[0] or "", item[1] or ""))[:LISTED_MAX]
