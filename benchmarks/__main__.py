"""`make bench`: the speed and the cost of verification on this machine, next to other services in the same run.

Measures requests a second, latency, and the processor time of a request in the API, PostgreSQL and Valkey, with 1, 16,
64 and 256 connections. Every round measures all variants in turn, and every figure is the median of the rounds, so that
ratios are valid on a noisy machine. PostgreSQL with fsync, the load generator and the services share the machine.

keyledger, keyledger-2: verification by one and two API processes, for a plan without limits and without Valkey.
keyledger-limits, keyledger-2-limits: the same for a plan with a rate limit and a quota, which count every use.
hand-written: a service with FastAPI and asyncpg that looks a key up and records its use in one transaction.
bare: an ASGI application that does nothing. framework: a handler that does nothing, in the framework of the API.
edge: /health/live of the API, which uses neither the framework nor the database.
The last four have one process; hand-written, bare and framework run on uvicorn.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import hand_written_database
from benchmarks.interleaved import Rounds, interleaved
from benchmarks.memory import measure_memory
from benchmarks.prepared import Prepared, prepare
from benchmarks.recorded import accepted_uses, check_recorded, uncounted
from benchmarks.request_costs import Service, Stores
from benchmarks.targets import Target, print_targets
from benchmarks.variants import HAND_WRITTEN, ONE, VARIANTS, VERIFYING, running
from benchmarks.verification_report import figures, ratios
from benchmarks.verification_targets import targets
from benchmarks.wrk import is_installed
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey

_CONNECTIONS = (1, 16, 64, 256)
_WARM_UP_CONNECTIONS = 16
_WARM_UP_SECONDS = 2.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--keys", type=int, default=100_000, help="keys in the database (default 100000)")
    add("--rounds", type=int, default=5, help="rounds that the medians are taken of (default 5)")
    add("--seconds", type=float, default=4, help="how long each load runs (default 4)")
    add("--connections", type=int, nargs="+", default=_CONNECTIONS, help="connections (default 1 16 64 256)")
    add("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, metavar="NAME", help="services (default: all)")
    add("--verifications", type=int, default=1_000_000, help="for the memory test; 0 leaves it out")
    options = parser.parse_args(arguments)
    if not is_installed():
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            print(f"seeding {options.keys:,} keys …", flush=True)
            prepared = prepare(postgres, valkey, folder, options.keys)
            with running(options.variants, prepared) as services:
                found = _measure(services, Stores(postgres, valkey), options)
            _check(prepared, services)
    print_targets(found)
    return 0


def _measure(services: Sequence[Service], stores: Stores, options: argparse.Namespace) -> list[Target]:
    """Print the figures and return the targets."""
    print(f"medians of {options.rounds} rounds of {options.seconds:.0f} s, load average {os.getloadavg()[0]:.1f}")
    for service in services:
        service.load(_WARM_UP_CONNECTIONS, min(_WARM_UP_SECONDS, options.seconds))
    results: dict[int, Rounds] = {}
    for connections in options.connections:
        take = partial(stores.sample, connections=connections, seconds=options.seconds)
        results[connections] = interleaved(services, options.rounds, take)
        print("", *figures(connections, results[connections]), sep="\n", flush=True)
    print("", *ratios(results), sep="\n", flush=True)
    found = targets(results)
    for service in services:
        if service.name == ONE and options.verifications:
            found.append(measure_memory(service, options.verifications, options.seconds))
        if service.name in VERIFYING and VERIFYING[service.name].limited:
            found.append(uncounted(service))
    return found


def _check(prepared: Prepared, services: Sequence[Service]) -> None:
    """Check that the services recorded every use, and that the log is correct."""
    print("\nChecking the recorded uses …", flush=True)
    verifying = [service for service in services if service.name in VERIFYING]
    check_recorded("verification", verifying, accepted_uses(prepared.postgres.url))
    hand_written = [service for service in services if service.name == HAND_WRITTEN]
    check_recorded(HAND_WRITTEN, hand_written, hand_written_database.uses(prepared.hand_written_url))
    environment = {**os.environ, "DATABASE_URL": prepared.postgres.url}
    subprocess.run([sys.executable, "-m", "eventstore", "check"], check=True, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
