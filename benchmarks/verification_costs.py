"""`python -m benchmarks.verification_costs`: what the index of uses by time costs a verification.

Each round loads the same server twice, with and without the index, in alternating order. The rate varies with other
programs on the machine, so the processor time of a verification in the API and in PostgreSQL is compared as well.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psycopg

from benchmarks.processor_time import descendants, processor_ms
from benchmarks.seeding import seed
from benchmarks.serving import Serving, serving
from benchmarks.targets import Target, print_targets
from benchmarks.wrk import is_installed, load, verify_script
from embedded.postgres import PostgreSQL
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts

_KEYS = 20_000
_CONNECTIONS = 64
_COST_MAX = 1.01
_WITH = b"create index usage_batches_by_time on usage_batches (occurred_at)"
_WITHOUT = b"drop index usage_batches_by_time"


class _Measured(NamedTuple):
    """Verifications a second, and the microseconds of processor time of one, in the API and in PostgreSQL."""

    rate: float
    api: float
    postgres: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verification_costs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="rounds of two loads each (default 12)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each load runs (default 4)")
    options = parser.parse_args(arguments)
    if not is_installed():
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name, PostgreSQL(Path(name) / "data") as server:
        asyncio.run(migrate(server.url, scripts()))
        caller, secrets = asyncio.run(seed(server.url, _KEYS))
        script = verify_script(Path(name), caller.reveal(), [secret.reveal() for secret in secrets])
        with (
            serving(server.url, 1, Path(name) / "api.log") as api,
            psycopg.connect(server.url, autocommit=True) as owner,
        ):
            load(f"{api.url}/v1/api-keys/verify", _CONNECTIONS, 2, script)
            rounds = [_round(server, api, owner, script, options.seconds, number) for number in range(options.rounds)]
    _report(rounds)
    return 0


def _round(
    server: PostgreSQL, api: Serving, owner: psycopg.Connection, script: Path, seconds: float, number: int
) -> tuple[_Measured, _Measured]:
    """Return the measurements with the index and without it. The index is there at the start of every round."""
    found: dict[bool, _Measured] = {}
    for has_index in (number % 2 == 0, number % 2 == 1):
        if not has_index:
            owner.execute(_WITHOUT)
        found[has_index] = _load(server, api, script, seconds)
        if not has_index:
            owner.execute(_WITH)
    return found[True], found[False]


def _load(server: PostgreSQL, api: Serving, script: Path, seconds: float) -> _Measured:
    postgres = [] if server.process is None else descendants(server.process.pid)
    pids = ([api.pid, *descendants(api.pid)], postgres)
    before = [processor_ms(each) for each in pids]
    measured = load(f"{api.url}/v1/api-keys/verify", _CONNECTIONS, seconds, script)
    used = [(processor_ms(each) - start) * 1_000 / measured.requests for each, start in zip(pids, before, strict=True)]
    return _Measured(measured.rate, *used)


def _report(rounds: Sequence[tuple[_Measured, _Measured]]) -> None:
    for name in _Measured._fields:
        with_index, without = (median(getattr(pair[side], name) for pair in rounds) for side in (0, 1))
        ratio = median(getattr(pair[0], name) / getattr(pair[1], name) for pair in rounds)
        print(
            f"{name:<10} with the index {with_index:>9,.1f}   without {without:>9,.1f}   ratio {ratio:.3f}", flush=True
        )
    cost = median((used.api + used.postgres) / (base.api + base.postgres) for used, base in rounds)
    rate = median(base.rate / used.rate for used, base in rounds)
    print_targets(
        [
            Target("processor time of a verification by that without the index", cost, _COST_MAX, at_least=False),
            Target("rate without the index by that with it", rate, _COST_MAX, at_least=False),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
