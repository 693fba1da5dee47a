"""`python -m benchmarks.projections`: the throughput and lag of counting, and the cost of a rebuild.

1. *Aggregation*: counts uses that are all in the log already, from the first to the last.
2. *Lag*: writes uses at a steady rate while a runner counts them every second, as the worker does. The lag of a use is
   the time from its commit to the commit that counts it.
3. *Rebuild*: rebuilds the counts and then the verification table, while a server verifies keys and the runner counts
   the recorded uses. Compares the rate of verifications with that before. A rebuild compares all rows itself.

PostgreSQL with fsync, the load generator and the API share the machine. The default sizes are those of the promised
figures and take half an hour; `--uses 500000 --keys 10000` takes a few minutes.
"""

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from benchmarks.seeding import seed
from benchmarks.serving import serving
from benchmarks.targets import Target, print_targets
from benchmarks.wrk import LoadFailed, is_installed, load, verify_script
from domain.usage.events import CallCompleted, KeyUsed, UsageEvent
from embedded.postgres import PostgreSQL
from eventstore.check import check
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_event_ids, now
from infrastructure.database.connections import WORKER_ROLE, Connection, connect, open_pipeline, pool
from infrastructure.database.migrate import migrate
from projections.engine.runner import lags, run_projection
from projections.engine.schema import scripts
from projections.read_models.usage.apply import USAGE
from projections.registry import ASYNC_PROJECTIONS, INLINE_CHECKS, USAGE_CHECKS
from workers.run_projections import run_concurrently

_BATCH = 500
_SAID_EVERY = 1_000_000
_CALLS_SHARE = 0.3
_MCPS = 5
_TOOLS = ("search", "fetch", "write")
_TICK_SECONDS = 1.0
_WORK_SECONDS = 0.5
_STEADY_BATCHES_A_SECOND = 50
_LOAD_SECONDS = 4.0
_CONNECTIONS = 64
_VERIFIED_KEYS = 5_000

_AGGREGATED = 200_000.0
_LAG_SECONDS = 2.0
_SHARE = 0.5


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projections", description=__doc__)
    parser.add_argument("--uses", type=int, default=10_000_000, help="uses in the log (default 10000000)")
    parser.add_argument("--keys", type=int, default=100_000, help="keys, each with an event (default 100000)")
    parser.add_argument("--used-keys", type=int, default=1_000, help="how many of them are used (default 1000)")
    parser.add_argument("--hours", type=int, default=1, help="over how many hours the uses are spread (default 1)")
    parser.add_argument("--rate", type=int, default=5_000, help="uses a second for the lag (default 5000)")
    parser.add_argument("--seconds", type=float, default=15, help="how long the lag is measured (default 15)")
    parser.add_argument("--without-rebuild", action="store_true", help="leave out what needs wrk")
    options = parser.parse_args(arguments)
    if not options.without_rebuild and not is_installed():
        print("wrk is not installed: apt-get install wrk, or --without-rebuild", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name, PostgreSQL(Path(name) / "data") as server:
        return _measure(server.url, Path(name), options)


def _measure(url: str, folder: Path, options: argparse.Namespace) -> int:
    asyncio.run(migrate(url, scripts()))
    print(f"seeding {options.keys:,} keys and {options.uses:,} uses …", flush=True)
    caller, secrets = asyncio.run(seed(url, options.keys))
    key_ids, organization_id = asyncio.run(used_keys(url, options.used_keys))
    written = asyncio.run(write_uses(url, organization_id, key_ids, options.uses, options.hours))
    print(f"written: {options.uses / written:,.0f} uses/s")
    targets = [
        asyncio.run(_aggregation(url, options.uses)),
        asyncio.run(_lag(url, organization_id, key_ids, options.rate, options.seconds)),
    ]
    sound = True
    if not options.without_rebuild:
        every = max(1, len(secrets) // _VERIFIED_KEYS)
        script = verify_script(folder, caller.reveal(), [secret.reveal() for secret in secrets[::every]])
        for name in ("usage", "key_state"):
            equal, share = _rebuild(url, folder, script, name)
            sound = sound and equal
            targets.append(share)
    sound = asyncio.run(counted_and_sound(url)) and sound
    print_targets(targets)
    return 0 if sound else 1


async def used_keys(url: str, used: int) -> tuple[list[str], str]:
    async with await connect(url, role=None) as connection:
        cursor = await connection.execute(
            b"select key_id, organization_id from key_state order by key_id limit %s", (used,)
        )
        rows = await cursor.fetchall()
    return [row[0] for row in rows], rows[0][1]


def _events(
    rng: random.Random, organization_id: str, key_ids: Sequence[str], size: int, at: datetime
) -> list[UsageEvent]:
    """Return calls with their ends, and verifications, of randomly chosen keys."""
    events: list[UsageEvent] = []
    for event_id in new_event_ids(size, at):
        key_id, mcp_id, tool = rng.choice(key_ids), f"mcp_{rng.randrange(_MCPS)}", rng.choice(_TOOLS)
        kind = rng.random()
        if kind < _CALLS_SHARE:
            latency = int(rng.lognormvariate(4, 0.8))
            ended = ("success" if rng.random() < 0.97 else "error", latency)
            events.append(
                CallCompleted(event_id, at, event_id, organization_id, key_id, mcp_id, tool, *ended)  # type: ignore[arg-type]
            )
        else:
            action = "call" if kind < 2 * _CALLS_SHARE else "verify"
            events.append(
                KeyUsed(
                    event_id, at, action, "valid", organization_id, key_id,
                    revision=1, secret_version=1, mcp_id=mcp_id, tool=tool, billed=True,
                )
            )  # fmt: skip
    return events


async def write_uses(url: str, organization_id: str, key_ids: Sequence[str], uses: int, hours: int) -> float:
    """Write `uses` uses in batches, in the lanes of four processes, over the last `hours`. Return the seconds taken."""
    rng = random.Random(1)  # noqa: S311 -- no secret
    began = time.monotonic()
    first = now() - timedelta(hours=hours)
    async with await open_pipeline(url) as pipeline:
        for number in range(0, uses, _BATCH):
            if number % _SAID_EVERY == 0 and number:
                print(f"  {number:,} of {uses:,} uses", flush=True)
            size = min(_BATCH, uses - number)
            at = first + timedelta(hours=hours) * (number / uses)
            events = _events(rng, organization_id, key_ids, size, at)
            await append_once(pipeline, Batch(f"bench {number // _BATCH % 4}", number, events[0].occurred_at, events))
    return time.monotonic() - began


async def _aggregation(url: str, uses: int) -> Target:
    async with await connect(url, role=None) as owner:
        # Autovacuum does this on a running server within a minute of such writes.
        await owner.execute(b"set statement_timeout = 0")
        await owner.execute(b"vacuum (analyze) usage_batches, usage_events")
    async with pool(url, role=WORKER_ROLE) as connections:
        began = time.monotonic()
        while (await run_concurrently(connections, USAGE, 5.0)).unfinished:
            pass
        seconds = time.monotonic() - began
    print(f"aggregation: {uses:,} uses in {seconds:.1f} s, {uses / seconds:,.0f} uses/s", flush=True)
    return Target("aggregation", uses / seconds, _AGGREGATED, " uses/s")


@dataclass(slots=True)
class _Runner:
    """The worker's job of each second, in a thread with its own event loop."""

    url: str
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        async with await connect(self.url, role=WORKER_ROLE) as connection:
            while not self.over.is_set():
                began = time.monotonic()
                for follower in ASYNC_PROJECTIONS:
                    await run_projection(connection, follower, _WORK_SECONDS / len(ASYNC_PROJECTIONS))
                await asyncio.sleep(max(_TICK_SECONDS - (time.monotonic() - began), 0))


@contextmanager
def _running(url: str) -> Generator[None]:
    runner = _Runner(url)
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield
    finally:
        runner.over.set()
        thread.join()


async def _lag(url: str, organization_id: str, key_ids: Sequence[str], rate: int, seconds: float) -> Target:
    rng = random.Random(2)  # noqa: S311 -- no secret
    size, pause = rate // _STEADY_BATCHES_A_SECOND, 1 / _STEADY_BATCHES_A_SECOND
    waiting: list[tuple[int, float]] = []
    found: list[float] = []
    async with (
        await open_pipeline(url) as writer,
        await connect(url, role=WORKER_ROLE) as reader,
    ):
        lane = Batch("steady", 0, now(), []).lane
        behind = await _position(reader, lane)
        with _running(url):
            began = time.monotonic()
            for number in range(int(seconds * _STEADY_BATCHES_A_SECOND)):
                events = _events(rng, organization_id, key_ids, size, now())
                await append_once(writer, Batch("steady", number, events[0].occurred_at, events))
                waiting.append((behind + number + 1, time.monotonic()))
                found += await _counted(reader, lane, waiting)
                await asyncio.sleep(max(began + (number + 1) * pause - time.monotonic(), 0))
            reached = size * len(found + waiting) / (time.monotonic() - began)
            while waiting:
                found += await _counted(reader, lane, waiting)
                await asyncio.sleep(pause)
    p99 = quantiles(found, n=100)[98]
    print(
        f"lag at {reached:,.0f} uses/s: p50 {median(found):.2f} s, p99 {p99:.2f} s, worst {max(found):.2f} s",
        flush=True,
    )
    return Target(f"p99 of the lag at {reached:,.0f} uses/s", p99, _LAG_SECONDS, " s", at_least=False)


async def _counted(reader: Connection, lane: int, waiting: list[tuple[int, float]]) -> list[float]:
    """Return the lags of the batches that have been counted, and remove these from `waiting`."""
    position, at = await _position(reader, lane), time.monotonic()
    counted = [at - written for batch_no, written in waiting if batch_no <= position]
    del waiting[: len(counted)]
    return counted


async def _position(reader: Connection, lane: int) -> int:
    return next(lag.position for lag in await lags(reader, USAGE) if lag.lane == lane)


def _rebuild(url: str, folder: Path, script: Path, name: str) -> tuple[bool, Target]:
    """Return whether the rebuilt version equals the live one and no verification failed, and the rate meanwhile."""
    with serving(url, 1, folder / "api.log") as api, _running(url):
        address = f"{api.url}/v1/api-keys/verify"
        load(address, _CONNECTIONS, 2, script)
        normal = median(load(address, _CONNECTIONS, _LOAD_SECONDS, script).rate for _ in range(3))
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "projections", "rebuild", name],
            env={**os.environ, "DATABASE_URL": url},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            rates: list[float] = []
            failed = ""
            while process.poll() is None:
                try:
                    rates.append(load(address, _CONNECTIONS, 1.0, script).rate)
                except LoadFailed as error:
                    failed = str(error)
            seconds = time.monotonic() - began
            output = process.stdout.read() if process.stdout else ""
    during = sum(rates) / max(len(rates), 1)
    share = during / normal
    print(f"rebuild of {name}: {seconds:.0f} s; meanwhile {during:,.0f} verifications/s, {share:.2f} of {normal:,.0f}")
    print("  " + output.strip().replace("\n", "\n  "), flush=True)
    if failed:
        print(f"  verifications failed: {failed}", flush=True)
    target = Target(f"verifications during a rebuild of {name} by those before", share, _SHARE)
    return process.returncode == 0 and not failed, target


async def counted_and_sound(url: str) -> bool:
    async with await connect(url, role=WORKER_ROLE) as connection:
        for follower in ASYNC_PROJECTIONS:
            while (await run_projection(connection, follower, 5.0)).unfinished:
                pass
    async with await connect(url, role=None) as connection:
        report = await check(connection, INLINE_CHECKS, USAGE_CHECKS)
    print("\n".join(report.lines))
    return report.ok


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
