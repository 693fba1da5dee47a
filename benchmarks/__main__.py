"""`make bench`: how fast verification is on this machine, beside an empty handler of the same server, in one run.

Requests a second and latency at 1, 16, 64 and 256 connections; medians of several rounds, each of which measures both,
so that the ratio holds on a noisy machine. "empty": a handler of the same framework that does nothing, sent the same
requests. "edge": what this API answers without framework and database (`/health/live`), the upper limit of its way in.
PostgreSQL with fsync, the load generator and the API share the machine.
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

from benchmarks.seeding import seed
from benchmarks.serving import Serving, serving, serving_nothing
from benchmarks.wrk import Measured, is_installed, load, verify_script
from embedded.postgres import PostgreSQL
from eventstore.migrate import migrate
from projections.schema import scripts

CONNECTIONS = (1, 16, 64, 256)
_VERIFIED_KEYS = 20_000


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
    for processes in (1, 2):
        with serving(url, processes, folder / "api.log") as api, serving_nothing(processes, folder / "e.log") as empty:
            _table(api, empty, script, processes, options)
            if processes == 1 and options.verifications:
                _memory(api, script, options.verifications)
    _check(url)


def _table(api: Serving, empty: Serving, script: Path, processes: int, options: argparse.Namespace) -> None:
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
        reached = median(m.rate for m in edge)
        print(f"{connections:>11} {_columns(nothing)} {_columns(verify)} {ratio:>6.2f} {reached:>9,.0f}", flush=True)


def _columns(rounds: list[Measured]) -> str:
    rate, p50, p99 = (median(getattr(m, name) for m in rounds) for name in ("rate", "p50", "p99"))
    return f"{rate:>9,.0f} {p50:>7.2f} {p99:>7.2f}"


def _memory(api: Serving, script: Path, verifications: int) -> None:
    print(f"\nMemory of the API process over {verifications:,} verifications")
    done = 0
    while done < verifications:
        done += load(f"{api.url}/v1/api-keys/verify", 64, 10, script).requests
        print(f"{done:>11,} {api.resident_mib():>7.1f} MiB", flush=True)


def _check(url: str) -> None:
    """What was measured must also be right."""
    print("\nChecking the log …", flush=True)
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "eventstore", "check"], check=True, env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
