"""`python -m benchmarks.backlog`: the time that one worker needs to catch up after an hour without workers.

The log contains an hour of uncounted uses, and keys that ended in that hour are not recorded as expired. A worker and a
scheduler then start. Twice a second the benchmark measures the remaining work and the time since each job last
succeeded: a job that catches up must not delay another one. PostgreSQL runs with fsync.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.projections import counted_and_sound, used_keys, write_uses
from benchmarks.seeding import seed, seed_ended
from benchmarks.targets import Target, print_targets
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, Connection, connect
from infrastructure.database.migrate import migrate
from projections.engine.runner import lags
from projections.engine.schema import scripts
from projections.read_models.keys.list.queries import expiring
from projections.registry import USAGE_PROJECTIONS
from workers.lateness import unfinished
from workers.schedule import SCHEDULE
from workers.valkey import connect as connect_valkey

_HOUR = timedelta(hours=1)
_SECONDS = 3_600
_LOOK_SECONDS = 0.5
_CAUGHT_UP_SECONDS = 300.0
_WAIT_SECONDS = 30.0
"""A job that runs every second is late after this time."""

_SWIFT_PERIOD = 5


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="uses a second of the hour (default 200)")
    parser.add_argument("--ended", type=int, default=2_000, help="keys that ended in the hour (default 2000)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes for jobs that do not wait (default 1)")
    parser.add_argument("--seconds", type=float, default=1_800, help="give up after so long (default 1800)")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "data") as postgres, Valkey(folder / "valkey") as valkey:
            return asyncio.run(_measure(postgres.url, valkey.url, folder, options))


async def _measure(url: str, redis_url: str, folder: Path, options: argparse.Namespace) -> int:
    await migrate(url, scripts())
    await seed(url, 1_000)
    key_ids, organization_id = await used_keys(url, 1_000)
    end = now()
    await seed_ended(url, options.ended, end - _HOUR, end)
    print(f"writing {options.rate * _SECONDS:,} uses of an hour …", flush=True)
    await write_uses(url, organization_id, key_ids, options.rate * _SECONDS, 1)
    with _workers(url, redis_url, folder, options.workers):
        targets = await _watch(url, redis_url, options.seconds)
    sound = await counted_and_sound(url)
    print_targets(targets)
    return 0 if sound else 1


@contextmanager
def _workers(url: str, redis_url: str, folder: Path, workers: int) -> Generator[None]:
    environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis_url, "WORKERS": str(workers)}
    with (folder / "workers.log").open("wb") as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", "workers", word], env=environment, stdout=log, stderr=log)
            for word in ("run", "schedule")
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


async def _watch(url: str, redis_url: str, seconds: float) -> list[Target]:
    """Measure until all work is done or `seconds` have passed."""
    began = time.monotonic()
    done: dict[str, float] = {}
    longest = dict.fromkeys((each.name for each in SCHEDULE), 0.0)
    reported = began
    async with await connect(url, role=WORKER_ROLE) as connection:
        with connect_valkey(redis_url) as valkey:
            while time.monotonic() - began < seconds:
                left = await _left(connection)
                at = time.monotonic() - began
                for name, much in left.items():
                    if much == 0:
                        done.setdefault(name, at)
                for job in await asyncio.to_thread(unfinished, valkey):
                    longest[job.job] = max(longest[job.job], job.seconds)
                if len(done) == len(left):
                    break
                if time.monotonic() - reported > 10 * _LOOK_SECONDS:
                    reported = time.monotonic()
                    print(f"  {at:5.0f} s: " + ", ".join(f"{n} {much:,} left" for n, much in left.items()), flush=True)
                await asyncio.sleep(_LOOK_SECONDS)
    for name, at in done.items():
        print(f"{name}: caught up after {at:.1f} s")
    print("Longest time without a successful run:")
    for each in SCHEDULE:
        print(f"  {each.name:<26}{longest[each.name]:>7.1f} s, due every {each.every} s")
    swift = max(longest[each.name] for each in SCHEDULE if each.every <= _SWIFT_PERIOD)
    return [
        Target("everything caught up", max(done.values(), default=seconds), _CAUGHT_UP_SECONDS, " s", at_least=False),
        Target("longest wait of a job of seconds", swift, _WAIT_SECONDS, " s", at_least=False),
    ]


async def _left(connection: Connection) -> dict[str, int]:
    left = {
        follower.name: sum(lag.behind for lag in await lags(connection, follower)) for follower in USAGE_PROJECTIONS
    }
    return {**left, "expired keys": len(await expiring(connection, now(), 1_000_000))}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
