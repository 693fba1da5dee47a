"""One function removes a day of uses from the log. It refuses days that must stay and records what it removed."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import LiteralString

import psycopg
import pytest

from eventstore.check import check
from eventstore.retention import NotRemovable, expired_days, remove, removed, summary
from eventstore.usage_export import LaneSummary
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, Connection, connect
from projections.engine.rebuild.errors import UsageAlreadyRemoved
from projections.engine.rebuild.rebuild import rebuild, verify
from projections.engine.rebuild.versions import begin_or_resume, exclusive_connection
from projections.engine.runner import run_projection
from projections.registry import REBUILDABLE, USAGE_CHECKS, USAGE_PROJECTIONS
from tests.eventstore.changes import rows, value
from tests.projections.usage.uses import append, some_of_everything, used

pytestmark = pytest.mark.anyio

OLD = datetime(2026, 1, 30, 12, tzinfo=UTC)
DAY = OLD.date()
NAMES = [follower.name for follower in USAGE_PROJECTIONS]


async def write_three_days(connection: Connection) -> None:
    """Write three days of uses to two lanes; the last day is in another month."""
    dice = random.Random(1)  # noqa: S311
    for days in range(3):
        for producer in ("p", "q"):
            for hours in range(3):
                at = OLD + timedelta(days=days, hours=hours)
                billed = [used("key_b", at, billed=True)] * (producer == "p")
                await append(connection, producer, at, [*some_of_everything(dice, ["key_a"], at, 5), *billed])


async def apply_all(url: str, names: Sequence[str] = tuple(NAMES)) -> None:
    async with await connect(url, role=WORKER_ROLE) as worker:
        for follower in USAGE_PROJECTIONS:
            if follower.name in names:
                assert (await run_projection(worker, follower, 30)).stopped == {}


async def remove_day(worker: Connection, day: date = DAY, held: list[LaneSummary] | None = None) -> int:
    return await remove(worker, day, held or await summary(worker, day), NAMES, None, now())


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection in the role of the workers."""
    async with await connect(database_url, role=WORKER_ROLE) as opened:
        yield opened


@pytest.fixture
async def worker(database_url: str, connection: Connection) -> Connection:
    """A worker's connection to a log of three days that every read model has applied."""
    await write_three_days(connection)
    await apply_all(database_url)
    return connection


async def violations(url: str) -> list[str]:
    async with await connect(url, role=None) as owner:
        return (await check(owner, (), USAGE_CHECKS)).violations


async def test_a_removed_day_is_gone_and_its_counts_remain(worker: Connection, database_url: str) -> None:
    counted: LiteralString = (
        "select (select sum(events) from usage_counts), (select sum(total_requests) from key_usage),"
        " (select sum(uses) from billed_uses), (select count(*) from usage_batches)"
    )
    before = await rows(worker, counted)
    assert await remove_day(worker) == 33
    assert await rows(worker, counted) == before
    assert await value(worker, "select count(*) from usage_events") == 66
    assert await violations(database_url) == []
    removal = await removed(worker)
    assert removal is not None
    assert (removal.days, removal.first, removal.last, removal.events) == (1, DAY, DAY, 33)
    # The same holds after a further removal and new uses.
    assert await remove_day(worker, DAY + timedelta(days=1)) == 33
    await append(worker, "p", now(), [used("key_a", now())])
    await apply_all(database_url)
    assert await violations(database_url) == []


async def test_days_are_removed_in_order(worker: Connection) -> None:
    with pytest.raises(NotRemovable, match="usage_events_20260130 is older and still there"):
        await remove_day(worker, DAY + timedelta(days=1))


async def test_the_current_month_cannot_be_removed(connection: Connection) -> None:
    today = now()
    await append(connection, "p", today, [used("key_a", today)])
    with pytest.raises(NotRemovable, match="of the current month"):
        await remove_day(connection, today.date())


def test_expired_days_are_beyond_retention_and_in_an_earlier_month() -> None:
    days = [date(2026, 3, 1) + timedelta(days=number) for number in range(40)]
    assert expired_days(days, date(2026, 4, 9), 20)[-1] == date(2026, 3, 19)
    assert expired_days(days, date(2026, 4, 9), 3)[-1] == date(2026, 3, 31)
    assert expired_days(days, date(2026, 3, 9), 1) == []


async def test_a_day_that_a_read_model_has_not_applied_cannot_be_removed(
    connection: Connection, database_url: str
) -> None:
    await write_three_days(connection)
    with pytest.raises(NotRemovable, match=r"anomaly_watch \(public\) has not applied lane"):
        await remove_day(connection)
    await apply_all(database_url, ["usage", "anomaly_watch"])
    with pytest.raises(NotRemovable, match=r"key_recency \(public\) has not applied lane"):
        await remove_day(connection)
    await apply_all(database_url)
    assert await remove_day(connection) == 33


async def test_a_day_that_a_rebuild_has_not_applied_cannot_be_removed(worker: Connection, database_url: str) -> None:
    async with exclusive_connection(database_url, REBUILDABLE["usage"]) as owner:
        await begin_or_resume(owner, REBUILDABLE["usage"])
    with pytest.raises(NotRemovable, match=r"usage \(usage_new_2\) has not applied lane"):
        await remove_day(worker)
    # The replaced version is kept, and blocks no removal.
    assert (await rebuild(database_url, REBUILDABLE["usage"])).kept == "usage_old_1"
    assert await remove_day(worker) == 33


async def test_a_day_that_differs_from_its_export_cannot_be_removed(worker: Connection) -> None:
    held = await summary(worker, DAY)
    for differing in (
        [LaneSummary(held[0].lane, 1, 3, 3, held[0].events, "00" * 32), *held[1:]],
        held[1:],
        [*held, LaneSummary(63, 1, 1, 1, 1, "00" * 32)],
    ):
        with pytest.raises(NotRemovable, match="the log holds something else of 2026-01-30"):
            await remove_day(worker, held=differing)
    assert await value(worker, "select count(*) from usage_removals") == 0


async def test_a_day_with_missing_uses_cannot_be_removed(
    worker: Connection, superuser: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute("delete from usage_events where batch_no = 2 and ordinal = 4")
    with pytest.raises(NotRemovable, match="its batches say"):
        await remove_day(worker)


async def test_only_workers_can_remove_a_day(
    worker: Connection, application: Connection, auth: Connection, database_url: str
) -> None:
    held = await summary(worker, DAY)
    for connection in (application, auth):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await remove(connection, DAY, held, NAMES, None, now())
    statements: tuple[LiteralString, ...] = (
        "drop table usage_events_20260130",
        "alter table usage_events detach partition usage_events_20260130",
        "delete from usage_events",
    )
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await worker.execute(statement)


async def test_records_of_removals_cannot_be_changed(worker: Connection, database_url: str) -> None:
    await remove_day(worker)
    tables: tuple[tuple[LiteralString, LiteralString], ...] = (
        ("update usage_removals set events = 1", "truncate usage_removals cascade"),
        ("delete from usage_removal_lanes", "truncate usage_removal_lanes"),
        ("update usage_removal_bills set uses = 1", "truncate usage_removal_bills"),
    )
    async with await connect(database_url, role=None) as owner:
        for statements in tables:
            for statement in statements:
                with pytest.raises(psycopg.DatabaseError, match="the log is append-only"):
                    await owner.execute(statement)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await worker.execute(statement)


async def test_uses_cannot_be_added_to_a_removed_day(worker: Connection) -> None:
    await remove_day(worker)
    with pytest.raises(psycopg.DatabaseError, match="nothing is added to a day that left"):
        await append(worker, "p", OLD, [used("key_a", OLD)])
    await worker.execute(b"reset role")
    await append(worker, "p", OLD + timedelta(days=1), [used("key_a", OLD + timedelta(days=1))])


async def test_a_changed_removal_record_is_detected(
    worker: Connection, database_url: str, superuser: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await remove_day(worker)
    await superuser.execute("set session_replication_role = replica")
    await superuser.execute(
        "update usage_removal_lanes set events = events + 1 where lane = (select min(lane) from usage_batches)"
    )
    found = await violations(database_url)
    assert any("I8 usage of 2026-01-30, lane" in line for line in found)
    assert "I8 usage of 2026-01-30: 33 events were removed, its lanes say 34" in found
    await superuser.execute("update usage_removal_bills set uses = uses + 1")
    assert any(line.startswith("I4 billed_uses org_a 2026-01 lane") for line in await violations(database_url))


async def test_read_models_of_removed_uses_are_not_rebuilt(worker: Connection, database_url: str) -> None:
    await remove_day(worker)
    for name in ("usage", "key_recency", "organization_usage_hours", "organization_batches"):
        for attempt in (verify, rebuild):
            with pytest.raises(UsageAlreadyRemoved, match=f"{name} cannot be derived again: 33 uses from 2026-01-30"):
                await attempt(database_url, REBUILDABLE[name])
    assert (await verify(database_url, REBUILDABLE["key_list"])).equal


async def test_a_read_model_that_is_newer_than_a_removal_counts_the_days_that_are_left(
    connection: Connection, superuser: psycopg.AsyncConnection[tuple[object, ...]], database_url: str
) -> None:
    """An upgrade adds the hours of organizations to a log that days were removed from before."""
    await write_three_days(connection)
    await apply_all(database_url)
    await remove_day(connection)
    await superuser.execute("delete from organization_usage_hours")
    await superuser.execute("delete from organization_hour_totals")
    await superuser.execute("delete from organization_refusal_days")
    await superuser.execute("delete from checkpoints where projection = 'organization_usage_hours'")
    await apply_all(database_url)
    assert await violations(database_url) == []
    found = await rows(
        connection, "select distinct (hour at time zone 'UTC')::date from organization_usage_hours order by 1"
    )
    assert found == [(DAY + timedelta(days=1),), (DAY + timedelta(days=2),)]


async def test_a_removal_gives_up_after_a_short_wait_for_readers(worker: Connection, database_url: str) -> None:
    async with await connect(database_url, role=None) as reader, reader.transaction():
        await reader.execute(b"select count(*) from usage_events")
        with pytest.raises(NotRemovable, match="the log is in use by readers"):
            await remove_day(worker)
    assert await remove_day(worker) == 33
