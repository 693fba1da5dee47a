"""Concurrent runners, killed runners, and damaged logs."""

import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from eventstore.check import check
from infrastructure.clock import new_event_ids, now
from infrastructure.database.connections import WORKER_ROLE, Connection, connect
from projections.engine.runner import lags, run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage
from projections.registry import INLINE_CHECKS, USAGE_CHECKS
from tests.programs import Program
from tests.projections.usage.uses import append, completed, some_of_everything, used
from tests.waiting import stretched

pytestmark = pytest.mark.anyio

KEYS = [f"key_{number}" for number in range(30)]


async def _write(connection: Connection, batches: int, size: int, *, lanes: int = 6, seed: int = 1) -> None:
    dice = random.Random(seed)  # noqa: S311
    for number in range(batches):
        at = now() - timedelta(hours=dice.randrange(30))
        await append(connection, f"p{number % lanes}", at, some_of_everything(dice, KEYS, at, size))


async def _count(connection: Connection) -> tuple[int, int]:
    """Return the number of events in the log and the number of events counted."""
    cursor = await connection.execute(
        b"select (select count(*) from usage_events), (select coalesce(sum(events), 0)::bigint from usage_counts)"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def _run(database_url: str, stop: anyio.Event) -> None:
    async with await connect(database_url, role=WORKER_ROLE) as connection:
        while not stop.is_set():
            assert (await run_projection(connection, USAGE, 0.05)).stopped == {}
            await anyio.sleep(0.001)


async def _follow_to_the_end(connection: Connection) -> None:
    """Run until no lane is behind. The server may still hold the lane of a killed runner until it notices."""
    with anyio.fail_after(stretched(30)):
        while True:
            assert (await run_projection(connection, USAGE, 30)).stopped == {}
            if not any(lag.behind for lag in await lags(connection, USAGE)):
                return
            await anyio.sleep(0.05)


async def test_concurrent_runners_count_every_event_once(connection: Connection, database_url: str) -> None:
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(_run, database_url, stop)
        await _write(connection, batches=300, size=20)
        stop.set()
    await run_projection(connection, USAGE, 10)
    assert await _count(connection) == (6_000, 6_000)
    assert await check_usage(connection) == []


async def test_killed_runners_count_every_event_once(connection: Connection, database_url: str) -> None:
    dice = random.Random(3)  # noqa: S311
    environment = {**os.environ, "DATABASE_URL": database_url}
    start_seconds = None
    for seed in range(6):
        await _write(connection, batches=80, size=100, seed=seed)
        process = Program(["projections", "catch-up"], environment, Path(os.devnull))
        started = time.monotonic()
        if start_seconds is None:
            assert process.wait() == 0
            start_seconds = time.monotonic() - started
        else:
            await anyio.sleep(start_seconds * dice.uniform(0.3, 1.1))
            process.kill()
            process.wait()
        assert await check_usage(connection) == []
    await _follow_to_the_end(connection)
    assert await _count(connection) == (48_000, 48_000)
    assert await check_usage(connection) == []


async def test_a_locked_lane_is_skipped(connection: Connection, database_url: str) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now())])
    other = await append(connection, "q", now(), [used("key_a", now())])
    assert lane != other
    await run_projection(connection, USAGE, 10)
    for producer in ("p", "q"):
        await append(connection, producer, now(), [used("key_b", now())])
    async with await connect(database_url, role=WORKER_ROLE) as busy, busy.transaction():
        await busy.execute(b"select 1 from checkpoints where projection = 'usage' and lane = %s for update", (lane,))
        followed = await run_projection(connection, USAGE, 10)
        assert (followed.applied, followed.stopped) == (1, {})
    assert (await run_projection(connection, USAGE, 10)).applied == 1


async def test_unfinished_work_is_reported_when_the_time_is_over(connection: Connection) -> None:
    await append(connection, "p", now(), [used("key_a", now())])
    followed = await run_projection(connection, USAGE, 0)
    assert (followed.applied, followed.unfinished) == (0, True)


async def test_a_gap_stops_only_its_lane(connection: Connection, owner: Connection) -> None:
    lane = 0
    for _ in range(5):
        lane = await append(connection, "p", now(), [used("key_a", now())])
        await append(connection, "q", now(), [used("key_b", now())])
    await owner.execute(b"delete from usage_batches where lane = %s and batch_no = 3", (lane,))
    followed = await run_projection(connection, USAGE, 10)
    assert followed.stopped == {lane: f"usage lane {lane}: expected position 3, found 4"}
    assert followed.applied == 7
    assert (await run_projection(connection, USAGE, 10)).stopped == followed.stopped


async def test_a_missing_last_batch_stops_the_lane(connection: Connection, owner: Connection) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now())])
    await owner.execute(b"delete from usage_batches where lane = %s", (lane,))
    followed = await run_projection(connection, USAGE, 10)
    assert followed.stopped == {lane: f"usage lane {lane}: its head is 1, and nothing comes after position 0"}


async def test_a_lane_without_a_head_is_reported(connection: Connection, owner: Connection) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now())])
    await append(connection, "q", now(), [used("key_b", now())])
    await owner.execute(b"delete from lane_heads where log = 'usage' and lane = %s", (lane,))
    followed = await run_projection(connection, USAGE, 10)
    assert followed.stopped == {lane: "the lane has no head"}
    assert followed.applied == 1


async def test_a_log_restored_from_before_the_checkpoint_is_detected(connection: Connection, owner: Connection) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now())])
    await run_projection(connection, USAGE, 10)
    await owner.execute(b"update lane_heads set head = 0 where log = 'usage' and lane = %s", (lane,))
    followed = await run_projection(connection, USAGE, 10)
    assert followed.stopped == {lane: "its checkpoint is 1, and the lane ends at 0"}


async def test_a_batch_with_a_missing_event_is_not_counted(connection: Connection, owner: Connection) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now()), used("key_a", now())])
    await owner.execute(b"delete from usage_events where ordinal = 1")
    followed = await run_projection(connection, USAGE, 10)
    assert followed.stopped == {lane: f"usage lane {lane}, batches 1 to 1: they say 2 events, and 1 are there"}
    assert await _count(connection) == (1, 0)
    assert [lag.behind for lag in await lags(connection, USAGE) if lag.head] == [1]


async def test_the_check_covers_the_counts(connection: Connection, owner: Connection) -> None:
    await append(connection, "p", now(), [used("key_b", now())])
    await run_projection(connection, USAGE, 10)
    lane = await append(connection, "q", now(), [used("key_a", now())])  # a lag is no violation
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).ok
    await run_projection(connection, USAGE, 10)
    await owner.execute(b"update usage_counts set events = events + 1 where lane = %s", (lane,))
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == [
        f"I8 usage_counts lane {lane}: 2 events counted, 1 in the log up to batch 1",
        "I8 key key_a: 2 requests by hour, 1 by day, 1 in total",
    ]


async def test_the_check_covers_the_latencies_of_every_tool(connection: Connection, owner: Connection) -> None:
    at = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    ends = [completed("key_a", at, mcp_id=mcp_id, call_id=new_event_ids(1, at)[0]) for mcp_id in ("mcp_a", "mcp_b")]
    await append(connection, "p", at, ends)
    await run_projection(connection, USAGE, 10)
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).ok
    # The total is unchanged, but at another MCP.
    await owner.execute(b"update usage_days set latencies = '{null}' where mcp_id = 'mcp_a'")
    await owner.execute(b"update usage_days set latencies = histogram_sum(latencies, latencies) where mcp_id = 'mcp_b'")
    assert (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations == [
        "I8 key key_a on 2026-03-04, MCP 'mcp_a', tool 'search': 1 calls ended, 0 latencies kept",
        "I8 key key_a on 2026-03-04, MCP 'mcp_b', tool 'search': 1 calls ended, 2 latencies kept",
    ]
