"""Usage reports over a span of days; the end of a call counts in the hour of its start."""

import random
from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs

from domain.ids import ENTROPY_BYTES
from domain.ids import new_id as id_from
from domain.usage.events import UsageEvent
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.history import organization_days, organization_days_total
from projections.read_models.usage.key_report import key_report
from projections.read_models.usage.latency import BOUNDS_MS, percentiles
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from projections.read_models.usage.organization_report import organization_report
from projections.read_models.usage.report import Day, Denial, Hour, Named, Outcomes, Report, Tool
from projections.read_models.usage.span import Span
from tests.projections.usage.uses import append, completed, used

pytestmark = pytest.mark.anyio

DAY = date(2026, 3, 4)
AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, OTHER = new_id("key"), new_id("key")
ONE_DAY = Span(DAY, DAY)


async def _report(connection: Connection, span: Span = ONE_DAY, key_id: str = KEY) -> Report:
    assert (await run_projection(connection, USAGE, 30)).stopped == {}
    return await key_report(connection, key_id, span, with_hours=True)


def _call_id(at: datetime) -> str:
    return id_from("evt", unix_ms=int(at.timestamp() * 1000), entropy=bytes(ENTROPY_BYTES))


async def test_an_unused_key_has_a_report_of_zeros(connection: Connection) -> None:
    report = await _report(connection, Span(DAY, DAY + timedelta(days=2)))
    assert (report.total, report.mcps, report.tools, report.denials) == (Outcomes(), [], [], [])
    assert {hour.outcomes for hour in report.hours} == {Outcomes()}
    assert [day.date for day in report.days] == [date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6)]
    assert {day.outcomes for day in report.days} == {Outcomes()}


async def test_uses_are_summed_by_mcp_tool_day_and_hour(connection: Connection) -> None:
    await append(
        connection,
        "p",
        AT,
        [
            *[used(KEY, AT, action="call", mcp_id="mcp_a", tool="search") for _ in range(3)],
            used(KEY, AT, action="call", mcp_id="mcp_a", tool="fetch"),
            used(KEY, AT, action="call", mcp_id="mcp_b", tool="search"),
            used(KEY, AT, code="tool_not_permitted", mcp_id="mcp_a", tool="drop"),
            used(KEY, AT),
            used(KEY, AT, action="manage"),
            used(OTHER, AT, mcp_id="mcp_c", tool="search"),
        ],
    )
    later = AT + timedelta(days=1)
    await append(connection, "p", later, [used(KEY, later, tool="anything")])
    report = await _report(connection, Span(DAY, DAY + timedelta(days=1)))
    assert report.total == Outcomes(requests=7, denied=1, failed=0)
    assert report.mcps == [Named("mcp_a", None, 4), Named("mcp_b", None, 1)]
    assert report.tools == [
        Tool("mcp_a", "search", 3),
        Tool(None, "anything", 1),
        Tool("mcp_a", "fetch", 1),
        Tool("mcp_b", "search", 1),
    ]
    assert [day.outcomes.requests for day in report.days] == [6, 1]
    assert report.denials == [Denial("tool_not_permitted", 1)]
    hours = {hour.start: hour.outcomes for hour in (await _report(connection)).hours}
    assert len(hours) == 24
    assert hours.pop(datetime(2026, 3, 4, 12, tzinfo=UTC)) == Outcomes(requests=6, denied=1)
    assert set(hours.values()) == {Outcomes()}


async def test_a_failed_call_turns_a_success_into_an_error(connection: Connection) -> None:
    uses = [used(KEY, AT, action="call", mcp_id="mcp_a", tool="search") for _ in range(3)]
    await append(connection, "p", AT, uses)
    assert (await _report(connection)).total.succeeded == 3, "their results are not known yet"
    ends = [
        completed(KEY, AT, status="error", latency_ms=90, call_id=_call_id(AT)),
        completed(KEY, AT, latency_ms=10, call_id=_call_id(AT)),
    ]
    await append(connection, "p", AT + HOUR, ends)
    report = await _report(connection)
    assert (report.total, report.total.succeeded) == (Outcomes(3, 0, 1), 2)
    assert (report.latency_ms.p50, report.latency_ms.p99) == (10, 92)


@pytest.mark.parametrize("first", ["use", "end"])
@pytest.mark.parametrize("lane", ["the same lane", "another lane"])
async def test_a_late_end_counts_once_in_the_hour_and_day_of_its_use(
    connection: Connection, first: str, lane: str
) -> None:
    """The end is after midnight, in another batch or lane, and counted before or after its use."""
    use: UsageEvent = used(KEY, LAST_MOMENT, action="call", mcp_id="mcp_a", tool="search")
    end: UsageEvent = completed(KEY, LAST_MOMENT + HOUR, status="error", call_id=_call_id(LAST_MOMENT))
    writes = [("p", LAST_MOMENT, use), ("p" if lane == "the same lane" else "q", LAST_MOMENT + HOUR, end)]
    for producer, at, event in writes if first == "use" else reversed(writes):
        await append(connection, producer, at, [event])
        await run_projection(connection, USAGE, 30)
    report = await _report(connection, Span(DAY, DAY + timedelta(days=1)))
    assert report.total == Outcomes(requests=1, denied=0, failed=1)
    assert [day.outcomes for day in report.days] == [Outcomes(1, 0, 1), Outcomes()]
    hours = (await _report(connection)).hours
    assert [hour for hour in hours if hour.outcomes != Outcomes()] == [
        Hour(datetime(2026, 3, 4, 23, tzinfo=UTC), Outcomes(1, 0, 1))
    ]
    whole = await organization_report(connection, "org_a", ONE_DAY, created_by=None)
    assert whole.total == Outcomes(1, 0, 1)


@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 61, 120])
async def test_the_end_of_a_call_counts_in_the_hour_of_its_use(connection: Connection, minutes: int) -> None:
    """This holds if the page ends in that hour or a later one, and if a clock dated the use after its end."""
    hour = datetime(2026, 3, 4, 12, tzinfo=UTC)
    for authorised in (hour - timedelta(milliseconds=1), hour, hour + timedelta(minutes=minutes)):
        end = completed(KEY, hour + timedelta(minutes=minutes), status="error", call_id=_call_id(authorised))
        await append(connection, "p", end.occurred_at, [end])
    failed = {hour.start: hour.outcomes.failed for hour in (await _report(connection)).hours}
    last = (hour + timedelta(minutes=minutes)).replace(minute=0)
    expected = Counter([hour - HOUR, hour, last])
    assert {at: count for at, count in failed.items() if count} == expected


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Chatham"])
async def test_hours_are_utc_in_any_session_time_zone(connection: Connection, zone: str) -> None:
    """The operator's PGTZ overrides the setting of a connection, and hours of some zones start at another minute."""
    await connection.execute(b"select set_config('timezone', %s, false)", (zone,))
    authorised = datetime(2026, 3, 4, 11, 50, tzinfo=UTC)
    end = completed(KEY, authorised + timedelta(minutes=20), status="error", call_id=_call_id(authorised))
    await append(connection, "p", end.occurred_at, [end])
    hours = {hour.start: hour.outcomes.failed for hour in (await _report(connection)).hours}
    assert {at: failed for at, failed in hours.items() if failed} == {datetime(2026, 3, 4, 11, tzinfo=UTC): 1}


async def test_uses_of_two_organizations_by_one_key_do_not_stop_the_lane(connection: Connection) -> None:
    """No code writes such uses; if they are in the log, they are counted."""
    uses = [used(KEY, AT, organization_id=organization) for organization in ("org_a", "org_b")]
    await append(connection, "p", AT, uses)
    assert (await _report(connection)).total.requests == 2


async def test_a_negative_latency_counts_as_zero(connection: Connection) -> None:
    ends = [completed(KEY, AT, latency_ms=latency, call_id=_call_id(AT)) for latency in (-5, 0, 7)]
    await append(connection, "p", AT, ends)
    latency_ms = (await _report(connection)).latency_ms
    assert (latency_ms.p50, latency_ms.p99) == (0, 7)


@pytest.mark.parametrize("seed", range(5))
async def test_latencies_applied_in_many_pages_equal_those_of_one(connection: Connection, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    pages = [[int(dice.lognormvariate(4, 2)) for _ in range(dice.choice((1, 2, 30, 100)))] for _ in range(8)]
    for page in pages:
        ends = [completed(KEY, AT, latency_ms=latency, call_id=_call_id(AT)) for latency in page]
        await append(connection, dice.choice("pq"), AT, ends)
        await run_projection(connection, USAGE, 30)
    histogram = Counter(bisect_right(BOUNDS_MS, latency) for page in pages for latency in page)
    assert (await _report(connection)).latency_ms == percentiles(histogram)


async def test_the_timestamp_of_every_id_can_be_read_from_it(connection: Connection) -> None:
    dice = random.Random(7)  # noqa: S311
    for unix_ms in [0, 1, 2**48 - 2**45, *[dice.randrange(2**42) for _ in range(200)]]:
        event_id = id_from("evt", unix_ms=unix_ms, entropy=dice.randbytes(ENTROPY_BYTES))
        cursor = await connection.execute(b"select (extract(epoch from instant_of_id(%s)) * 1000)::bigint", (event_id,))
        assert await cursor.fetchone() == (unix_ms,)


async def test_only_the_most_used_tools_are_listed(connection: Connection) -> None:
    events = [used(KEY, AT, action="call", mcp_id="mcp_a", tool=f"tool {n}") for n in range(130) for _ in range(1 + n)]
    await append(connection, "p", AT, events)
    report = await _report(connection)
    assert len(report.tools) == 100
    assert (report.tools[0], report.tools[-1]) == (Tool("mcp_a", "tool 129", 130), Tool("mcp_a", "tool 30", 31))


async def test_an_organization_report_sums_its_own_keys_only(connection: Connection) -> None:
    await append(
        connection,
        "p",
        AT,
        [
            *[used(KEY, AT, mcp_id="mcp_a", billed=True) for _ in range(2)],
            used(OTHER, AT, mcp_id="mcp_a"),
            used(OTHER, AT, code="revoked_key"),
            used(new_id("key"), AT, organization_id="org_b", mcp_id="mcp_z"),
            used(None, AT, code="unauthorized"),
        ],
    )
    await run_projection(connection, USAGE, 30)
    report = await organization_report(connection, "org_a", ONE_DAY, created_by=None)
    assert report.total == Outcomes(requests=3, denied=1, failed=0, billed=2)
    assert report.mcps == [Named("mcp_a", None, 3)]
    assert report.keys == [Named(KEY, None, 2), Named(OTHER, None, 1)]


async def test_days_without_uses_are_omitted_from_the_history(connection: Connection) -> None:
    for days in (0, 1, 5):
        at = AT - timedelta(days=days)
        await append(connection, "p", at, [used(KEY, at, mcp_id=mcp_id) for mcp_id in ("mcp_a", "mcp_b")])
    await run_projection(connection, USAGE, 30)
    span = Span(DAY - timedelta(days=4), DAY)
    found = await organization_days(connection, "org_a", span, limit=10, offset=0)
    assert found == [Day(DAY, Outcomes(2)), Day(DAY - timedelta(days=1), Outcomes(2))]
    assert await organization_days(connection, "org_a", span, limit=1, offset=1) == found[1:]
    assert await organization_days_total(connection, "org_a", span) == 2


async def test_a_day_with_nothing_but_unknown_secrets_is_in_the_history_and_in_the_report(
    connection: Connection,
) -> None:
    unknown = structs.replace(used(None, AT, code="unauthorized"), organization_id="org_a")
    await append(connection, "p", AT, [unknown, unknown])
    for projection in (USAGE, ORGANIZATION_HOURS):
        await run_projection(connection, projection, 30)
    day = Day(DAY, Outcomes(denied=2))
    assert await organization_days(connection, "org_a", ONE_DAY, limit=10, offset=0) == [day]
    assert await organization_days_total(connection, "org_a", ONE_DAY) == 1
    assert (await organization_report(connection, "org_a", ONE_DAY, created_by=None)).days == [day]
