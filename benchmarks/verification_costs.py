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
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.interleaved import Rounds
from benchmarks.request_costs import Figure, Sample, Service, Stores
from benchmarks.seeding import seed
from benchmarks.serving import serving
from benchmarks.targets import Target, print_targets
from benchmarks.wrk import is_installed, verify_script
from embedded.postgres import PostgreSQL
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts

_KEYS = 20_000
_CONNECTIONS = 64
_COST_MAX = 1.01
_WITH, _WITHOUT = "with the index", "without"
_CREATE = b"create index usage_batches_by_time on usage_batches (occurred_at)"
_DROP = b"drop index usage_batches_by_time"


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
            verify = Service("verify", f"{api.url}/v1/api-keys/verify", api.pid, script)
            verify.load(_CONNECTIONS, 2)
            take = partial(Stores(server).sample, verify, _CONNECTIONS, options.seconds)
            rounds = Rounds([_round(take, owner, number) for number in range(options.rounds)])
    _report(rounds)
    return 0


def _round(take: Callable[[], Sample], owner: psycopg.Connection, number: int) -> Mapping[str, Sample]:
    """Return the measurements with the index and without it. The index is there at the start of every round."""
    found: dict[str, Sample] = {}
    for name in (_WITH, _WITHOUT) if number % 2 == 0 else (_WITHOUT, _WITH):
        if name == _WITHOUT:
            owner.execute(_DROP)
        found[name] = take()
        if name == _WITHOUT:
            owner.execute(_CREATE)
    return found


def _report(rounds: Rounds) -> None:
    figures: tuple[Figure, ...] = ("rate", "api", "postgres")
    for figure in figures:
        with_index, without = (rounds.median(side, figure) for side in (_WITH, _WITHOUT))
        ratio = rounds.ratio(_WITH, _WITHOUT, figure)
        print(
            f"{figure:<10} with the index {with_index:>9,.1f}   without {without:>9,.1f}   ratio {ratio:.3f}",
            flush=True,
        )
    cost = rounds.ratio(_WITH, _WITHOUT, "cost")
    rate = rounds.ratio(_WITHOUT, _WITH, "rate")
    print_targets(
        [
            Target("processor time of a verification by that without the index", cost, _COST_MAX, at_least=False),
            Target("rate without the index by that with it", rate, _COST_MAX, at_least=False),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
