"""`make bench`: the speed of verification on this machine, next to an empty handler of the same server in the same run.

Measures requests a second and latency at 1, 16, 64 and 256 connections. Every figure is the median of several rounds.
Each round measures both handlers, so that the ratio is valid on a noisy machine. "empty": a handler of the same
framework that does nothing and receives the same requests. "edge": a response of this API without framework and
database (`/health/live`), the upper limit of its request path. PostgreSQL with fsync, the load generator and the API
share the machine. The targets apply to one API process.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.seeding import seed
from benchmarks.serving import Serving, serving, serving_nothing
from benchmarks.targets import Target, print_targets
from benchmarks.wrk import Measured, is_installed, load, verify_script
from embedded.postgres import PostgreSQL
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts

CONNECTIONS = (1, 16, 64, 256)
_VERIFIED_KEYS = 20_000

_P50_MS = 2.5
_RATE = 8_000.0
_RATIO = 0.5
_GROWTH = 1.05
"""Memory growth below this factor counts as flat."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000, help="keys in the database (default 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that the medians are taken of (default 3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long each load runs (default 4)")
    parser.add_argument("--verifications", type=int, default=1_000_000, help="for the memory test; 0 leaves it out")
    options = parser.parse_args(arguments)
    if not is_installed():
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name, PostgreSQL(Path(name) / "data") as server:
        _measure(server.url, Path(name), options)
    return 0


def _measure(url: str, folder: Path, options: argparse.Namespace) -> None:
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    asyncio.run(migrate(url, scripts()))
    print(f"seeding {options.keys:,} keys …", flush=True)
    caller, secrets = asyncio.run(seed(url, options.keys))
    every = max(1, len(secrets) // _VERIFIED_KEYS)
    script = verify_script(folder, caller.reveal(), [secret.reveal() for secret in secrets[::every]])
    targets: list[Target] = []
    for processes in (1, 2):
        with serving(url, processes, folder / "api.log") as api, serving_nothing(processes, folder / "e.log") as empty:
            reached = _table(api, empty, script, processes, options)
            if processes == 1:
                targets += _targets(reached)
                if options.verifications:
                    targets.append(_memory(api, script, options.verifications))
    _check(url)
    print_targets(targets)


class _Reached(NamedTuple):
    """Verifications a second, their median latency in milliseconds, and their rate relative to the empty handler."""

    rate: float
    p50: float
    ratio: float


def _targets(reached: dict[int, _Reached]) -> list[Target]:
    """Return the targets of one API process."""
    found = [Target("p50 at one connection", reached[1].p50, _P50_MS, " ms", at_least=False)]
    for connections in (64, 256):
        found += [
            Target(f"verifications at {connections} connections", reached[connections].rate, _RATE, "/s"),
            Target(f"by an empty handler at {connections} connections", reached[connections].ratio, _RATIO),
        ]
    return found


def _table(
    api: Serving, empty: Serving, script: Path, processes: int, options: argparse.Namespace
) -> dict[int, _Reached]:
    """Print the table and return the results by number of connections."""
    found: dict[int, _Reached] = {}
    print(f"\nprocesses: {processes}; medians of {options.rounds} rounds of {options.seconds:.0f} s")
    heads = ("connections", "empty/s", "p50 ms", "p99 ms", "verify/s", "p50 ms", "p99 ms", "ratio", "edge/s")
    print("{:>11} {:>9} {:>7} {:>7} {:>9} {:>7} {:>7} {:>6} {:>9}".format(*heads))
    load(f"{api.url}/v1/api-keys/verify", 16, 2, script)
    for connections in CONNECTIONS:
        nothing: list[Measured] = []
        verify: list[Measured] = []
        edge: list[Measured] = []
        for _ in range(options.rounds):
            nothing.append(load(f"{empty.url}/empty", connections, options.seconds, script))
            verify.append(load(f"{api.url}/v1/api-keys/verify", connections, options.seconds, script))
            edge.append(load(f"{api.url}/health/live", connections, options.seconds))
        ratio = median(v.rate / e.rate for e, v in zip(nothing, verify, strict=True))
        at_edge = median(m.rate for m in edge)
        print(f"{connections:>11} {_columns(nothing)} {_columns(verify)} {ratio:>6.2f} {at_edge:>9,.0f}", flush=True)
        found[connections] = _Reached(median(v.rate for v in verify), median(v.p50 for v in verify), ratio)
    return found


def _columns(rounds: list[Measured]) -> str:
    rate, p50, p99 = (median(getattr(m, name) for m in rounds) for name in ("rate", "p50", "p99"))
    return f"{rate:>9,.0f} {p50:>7.2f} {p99:>7.2f}"


def _memory(api: Serving, script: Path, verifications: int) -> Target:
    print(f"\nMemory of the API process over {verifications:,} verifications")
    done = 0
    held: list[float] = []
    while done < verifications:
        done += load(f"{api.url}/v1/api-keys/verify", 64, 10, script).requests
        held.append(api.resident_mib())
        print(f"{done:>11,} {held[-1]:>7.1f} MiB", flush=True)
    return Target("memory at the end by that at the beginning", held[-1] / held[0], _GROWTH, at_least=False)


def _check(url: str) -> None:
    """Check that the measured handler also returns correct results."""
    print("\nChecking the log …", flush=True)
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "eventstore", "check"], check=True, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
