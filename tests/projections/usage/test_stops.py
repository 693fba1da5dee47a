"""A lane that cannot continue stops alone, is reported, and skips a position only on an operator's command."""

import subprocess
from collections.abc import Sequence

import psycopg
import pytest

from eventstore.check import check
from eventstore.reader import UsageBatch
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.engine.runner import AsyncProjection, lags, run_projection
from projections.engine.stopped_lanes import NotStoppedThere, Stopped, skip, skips, stopped_lanes
from projections.read_models.usage.apply import USAGE
from projections.registry import INLINE_CHECKS, USAGE_CHECKS
from tests.programs import run_program
from tests.projections.usage.uses import append, used

pytestmark = pytest.mark.anyio


async def _poison(owner: Connection, lane: int, batch_no: int) -> str:
    """Delete an event of a batch, so that the batch cannot be counted, and return the reason."""
    await owner.execute(b"delete from usage_events where lane = %s and batch_no = %s and ordinal = 1", (lane, batch_no))
    return f"usage lane {lane}, batches {batch_no} to {batch_no}: they say 2 events, and 1 are there"


async def _write(connection: Connection, producer: str, batches: int) -> int:
    lane = 0
    for _ in range(batches):
        lane = await append(connection, producer, now(), [used("key_a", now()), used("key_b", now())])
    return lane


async def _positions(connection: Connection) -> dict[int, int]:
    return {lag.lane: lag.position for lag in await lags(connection, USAGE) if lag.head}


@pytest.mark.parametrize("batch_no", [1, 6, 9])
async def test_an_inapplicable_batch_stops_its_lane_just_before_it(
    connection: Connection, owner: Connection, batch_no: int
) -> None:
    lane, other = await _write(connection, "p", 9), await _write(connection, "q", 9)
    reason = await _poison(owner, lane, batch_no)
    followed = await run_projection(connection, USAGE, 30)
    assert followed.stopped == {lane: reason}
    assert await _positions(connection) == {lane: batch_no - 1, other: 9}
    (stopped,) = await stopped_lanes(connection)
    assert stopped == Stopped("usage", 1, "usage", lane, batch_no, reason, stopped.since)


async def test_a_stopped_lane_keeps_its_time_and_continues_when_it_can(
    connection: Connection, owner: Connection
) -> None:
    lane = await _write(connection, "p", 3)
    await owner.execute(b"create table lost as select * from usage_events where batch_no = 2 and ordinal = 1")
    reason = await _poison(owner, lane, 2)
    await run_projection(connection, USAGE, 30)
    (first,) = await stopped_lanes(connection)
    assert (await run_projection(connection, USAGE, 30)).stopped == {lane: reason}
    assert await stopped_lanes(connection) == [first]
    await owner.execute(b"insert into usage_events select * from lost")
    assert (await run_projection(connection, USAGE, 30)).stopped == {}
    assert await _positions(connection) == {lane: 3}
    assert await stopped_lanes(connection) == []


async def test_a_position_is_skipped_only_by_command_and_the_record_is_permanent(
    connection: Connection, owner: Connection
) -> None:
    lane = await _write(connection, "p", 3)
    reason = await _poison(owner, lane, 2)
    await run_projection(connection, USAGE, 30)
    for position in (1, 3):
        with pytest.raises(NotStoppedThere):
            await skip(connection, "usage", "usage", lane, position, reason="Lost", by="olga")
    skipped = await skip(connection, "usage", "usage", lane, 2, reason="Lost in the fire", by="olga")
    assert (skipped.problem, skipped.reason, skipped.by) == (reason, "Lost in the fire", "olga")
    assert (await run_projection(connection, USAGE, 30)).stopped == {}
    assert await _positions(connection) == {lane: 3}
    assert (await skips(connection), await stopped_lanes(connection)) == ([skipped], [])
    assert [line for line in (await check(owner, INLINE_CHECKS, USAGE_CHECKS)).violations if "counted" in line] == []
    for statement in (b"delete from skipped_positions", b"update skipped_positions set reason = 'None'"):
        with pytest.raises(psycopg.Error):
            await connection.execute(statement)


async def test_a_gap_can_be_skipped(connection: Connection, owner: Connection) -> None:
    lane = await _write(connection, "p", 3)
    await owner.execute(b"delete from usage_batches where batch_no = 2")
    assert (await run_projection(connection, USAGE, 30)).stopped == {
        lane: f"usage lane {lane}: expected position 2, found 3"
    }
    assert await _positions(connection) == {lane: 1}
    await skip(connection, "usage", "usage", lane, 2, reason="Lost", by="olga")
    assert (await run_projection(connection, USAGE, 30)).stopped == {}
    assert await _positions(connection) == {lane: 3}


async def test_a_transient_error_does_not_stop_the_lane(connection: Connection, database_url: str) -> None:
    lane = await _write(connection, "p", 1)

    async def busy(_connection: Connection, _page: object) -> None:
        raise psycopg.errors.DeadlockDetected("deadlock detected")

    waiting = AsyncProjection("usage", 1, "usage", USAGE.read, busy)
    followed = await run_projection(connection, waiting, 30)
    assert (followed.stopped, followed.delayed) == ({}, {lane: "deadlock detected"})
    assert await stopped_lanes(connection) == []
    assert (await run_projection(connection, USAGE, 30)).applied == 1


async def test_a_page_that_takes_too_long_is_split(connection: Connection) -> None:
    lane = await _write(connection, "p", 5)
    sizes: list[int] = []

    async def slow(connection: Connection, page: Sequence[UsageBatch]) -> None:
        sizes.append(len(page))
        if len(page) > 2:
            raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
        await USAGE.apply(connection, page)

    followed = await run_projection(connection, AsyncProjection("usage", 1, "usage", USAGE.read, slow), 30)
    assert (followed.applied, followed.stopped, followed.delayed) == (5, {}, {})
    assert sizes == [5, 2, 3, 1, 2]
    assert await _positions(connection) == {lane: 5}


async def test_a_batch_that_takes_too_long_is_delayed(connection: Connection) -> None:
    lane = await _write(connection, "p", 1)

    async def slow(_connection: Connection, _page: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    followed = await run_projection(connection, AsyncProjection("usage", 1, "usage", USAGE.read, slow), 30)
    assert followed.delayed == {lane: "canceling statement due to statement timeout"}
    assert await stopped_lanes(connection) == []


async def test_effects_are_part_of_the_transaction(connection: Connection) -> None:
    lane = await _write(connection, "p", 2)
    seen: list[int] = []

    async def effects(_connection: Connection, page: object) -> None:
        seen.append(len(page))  # type: ignore[arg-type]
        if len(seen) == 1:
            raise ValueError("no effect, no step")

    follower = AsyncProjection("usage", 1, "usage", USAGE.read, USAGE.apply, effects)
    await run_projection(connection, follower, 30)
    assert seen[0] == 2
    assert sum(seen[1:]) == 2
    assert await _positions(connection) == {lane: 2}


async def test_the_command_skips_names_and_logs(connection: Connection, owner: Connection, database_url: str) -> None:
    lane = await _write(connection, "p", 2)
    reason = await _poison(owner, lane, 1)
    await run_projection(connection, USAGE, 30)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_program("projections", *arguments, environment={"DATABASE_URL": database_url})

    status = run("status")
    assert status.returncode == 1
    assert f"  STOPPED lane {lane} after 0: {reason}" in status.stdout.splitlines()
    assert run("skip", "usage", str(lane), "1").returncode == 2, "without a reason"
    assert run("skip", "usage", str(lane), "1", "--reason", " ").returncode == 2
    refused = run("skip", "usage", str(lane), "2", "--reason", "Lost", "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    unconfirmed = run("skip", "usage", str(lane), "1", "--reason", "Lost in the fire")
    assert (unconfirmed.returncode, unconfirmed.stdout) == (2, "")
    assert unconfirmed.stderr.endswith("Nothing was changed. Add --yes to confirm.\n")
    assert run("status").returncode == 1
    skipped = run("skip", "usage", str(lane), "1", "--reason", "Lost in the fire", "--by", "olga", "--yes")
    assert (skipped.returncode, skipped.stdout.splitlines()[-1]) == (
        0,
        f"usage: skipped position 1 of usage lane {lane}, which had: {reason}",
    )
    assert "position_skipped" in skipped.stdout + skipped.stderr
    assert run("catch-up").returncode == 1, "the other read models of the same uses stop there too"
    for name in ("organization_usage_hours", "organization_batches"):
        assert run("skip", name, str(lane), "1", "--reason", "Lost in the fire", "--yes").returncode == 0
    assert run("catch-up").returncode == 0
    after = run("status").stdout
    assert f"skipped: usage usage lane {lane} position 1, by olga at" in after
