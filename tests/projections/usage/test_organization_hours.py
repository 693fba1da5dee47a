"""Uses of an organization by hour, action and outcome."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.ids import ENTROPY_BYTES
from domain.ids import new_id as id_from
from domain.usage.events import CallCompleted, Code, UsageEvent
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.latency import Percentiles
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from projections.read_models.usage.organization_hours.check import check_organization_hours
from projections.read_models.usage.organization_hours.queries import (
    DetailedOutcomes,
    Selection,
    outcomes_by_day,
    outcomes_by_hour,
    refusals_by_day,
    sum_of,
)
from projections.read_models.usage.span import Span
from tests.architecture.conftest import ROOT
from tests.projections.usage.uses import append, completed, some_of_everything, used

pytestmark = pytest.mark.anyio

AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
NOON = AT.replace(minute=0)
HOUR = timedelta(hours=1)
KEY, OTHER = new_id("key"), new_id("key")


SPAN = Span(AT.date() - timedelta(days=1), AT.date() + timedelta(days=1))


async def _outcomes(
    connection: Connection, *, mcp_id: str | None = None, organization_id: str = "org_a"
) -> dict[datetime, DetailedOutcomes]:
    assert (await run_projection(connection, ORGANIZATION_HOURS, 30)).stopped == {}
    return await outcomes_by_hour(connection, Selection(organization_id, mcp_id, SPAN))


async def _outcomes_of_days(connection: Connection, mcp_id: str | None = None) -> dict[date, DetailedOutcomes]:
    """Return the outcomes of the days with any uses."""
    assert (await run_projection(connection, ORGANIZATION_HOURS, 30)).stopped == {}
    found = await outcomes_by_day(connection, Selection("org_a", mcp_id, SPAN))
    return {day: outcomes for day, outcomes in found.items() if outcomes != DetailedOutcomes()}


async def _refusals(connection: Connection) -> dict[date, dict[str, int]]:
    return await refusals_by_day(connection, "org_a", Span(date(2026, 1, 1), date(2026, 12, 31)))


def _call_id(at: datetime) -> str:
    return id_from("evt", unix_ms=int(at.timestamp() * 1000), entropy=bytes(ENTROPY_BYTES))


async def test_uses_of_all_keys_are_counted_by_hour_and_reason(connection: Connection) -> None:
    await append(
        connection,
        "p",
        AT,
        [
            used(KEY, AT),
            used(OTHER, AT, action="check", mcp_id="mcp_a"),
            used(KEY, AT, code="rate_limited"),
            used(KEY, AT, code="expired_key"),
            used(OTHER, AT, code="expired_key"),
            used(KEY, AT, action="manage"),
            used(KEY, AT, action="manage", code="forbidden"),
            used(None, AT, code="unauthorized"),
            used(new_id("key"), AT, organization_id="org_b"),
        ],
    )
    await append(connection, "q", AT + HOUR, [used(KEY, AT + HOUR)])
    assert await _outcomes(connection) == {
        NOON: DetailedOutcomes(requests=2, denied={"rate_limited": 1, "expired_key": 2}),
        NOON + HOUR: DetailedOutcomes(requests=1),
    }
    assert await _outcomes_of_days(connection) == {
        AT.date(): DetailedOutcomes(requests=3, denied={"rate_limited": 1, "expired_key": 2})
    }


async def test_refusals_are_counted_by_day_and_reason(connection: Connection) -> None:
    midnight, tomorrow = AT.replace(hour=0, minute=0), AT.replace(hour=0, minute=0) + 24 * HOUR
    refused: list[tuple[datetime, list[Code]]] = [
        (midnight, ["rate_limited"]),
        (tomorrow - timedelta(milliseconds=1), ["rate_limited", "expired_key"]),
        (tomorrow, ["rate_limited"]),
    ]
    for at, codes in refused:
        await append(
            connection,
            "p",
            at,
            [
                *[used(KEY, at, code=code, mcp_id="mcp_a") for code in codes],
                used(KEY, at, action="manage", code="forbidden"),
                used(KEY, at),
                used(None, at, code="unauthorized"),
            ],
        )
        assert (await run_projection(connection, ORGANIZATION_HOURS, 30)).stopped == {}
    day, next_day = midnight.date(), tomorrow.date()
    assert await _refusals(connection) == {day: {"rate_limited": 2, "expired_key": 1}, next_day: {"rate_limited": 1}}
    only = await refusals_by_day(connection, "org_a", Span(next_day, next_day))
    assert only == {next_day: {"rate_limited": 1}}
    assert await refusals_by_day(connection, "org_b", Span(day, next_day)) == {}


async def test_one_mcp_server_can_be_selected(connection: Connection) -> None:
    events = [
        used(KEY, AT, mcp_id="mcp_a"),
        used(KEY, AT, mcp_id="mcp_a", code="tool_not_permitted"),
        used(KEY, AT, mcp_id="mcp_a", code="expired_key"),
        used(KEY, AT, mcp_id="mcp_b"),
    ]
    await append(connection, "p", AT, events)
    assert await _outcomes(connection, mcp_id="mcp_a") == {NOON: DetailedOutcomes(1, 0, {"tool_not_permitted": 1})}


async def test_the_end_of_a_call_counts_in_the_hour_of_its_start(connection: Connection) -> None:
    last_moment = NOON - timedelta(milliseconds=1)
    later = AT + 26 * HOUR
    await append(connection, "p", AT, [completed(KEY, AT, call_id=_call_id(last_moment), status="error", latency_ms=7)])
    await append(connection, "p", later, [completed(KEY, later, call_id=_call_id(last_moment), latency_ms=9)])
    assert await _outcomes(connection) == {NOON - HOUR: DetailedOutcomes(0, 1, {}, {8: 1, 10: 1})}
    use = used(KEY, last_moment, action="call", mcp_id="mcp_a")
    await append(connection, "q", last_moment, [use])
    assert await _outcomes(connection) == {NOON - HOUR: DetailedOutcomes(1, 1, {}, {8: 1, 10: 1})}


async def test_latencies_of_parts_are_summed(connection: Connection) -> None:
    ends = [completed(KEY, AT, latency_ms=latency, mcp_id=mcp) for latency in range(10) for mcp in ("mcp_a", "mcp_b")]
    await append(connection, "p", AT, ends[:7])
    await append(connection, "q", AT, ends[7:])
    (found,) = (await _outcomes(connection)).values()
    assert (found.calls, found.latency_ms) == (20, Percentiles(4, 9, 9))
    total = sum_of(
        [found, DetailedOutcomes(1, 0, {"rate_limited": 2}), DetailedOutcomes(1, 0, {"rate_limited": 1}, {1: 80})]
    )
    assert (total.requests, total.denied, total.calls) == (2, {"rate_limited": 3}, 100)
    assert total.latency_ms == Percentiles(0, 7, 9)


async def test_any_pages_and_lanes_give_the_same_counts(connection: Connection) -> None:
    dice = random.Random(3)  # noqa: S311
    expected: Counter[datetime] = Counter()
    refused: Counter[datetime] = Counter()
    ends: Counter[datetime] = Counter()
    for number in range(30):
        at = AT - timedelta(minutes=dice.randrange(600))
        events: list[UsageEvent] = some_of_everything(dice, [KEY, OTHER], at, 20)
        await append(connection, f"producer {number % 5}", at, events)
        if dice.randrange(4) == 0:
            await run_projection(connection, ORGANIZATION_HOURS, 30)
        hour = at.replace(minute=0)
        for event in events:
            if isinstance(event, CallCompleted):
                ends[hour] += 1
            elif event.key_id is not None and event.action != "manage":
                (expected if event.code == "valid" else refused)[hour] += 1
    found = await _outcomes(connection)
    assert {hour: outcomes.requests for hour, outcomes in found.items()} == expected
    assert {hour: sum(outcomes.denied.values()) for hour, outcomes in found.items()} == {h: refused[h] for h in found}
    assert {hour: outcomes.calls for hour, outcomes in found.items()} == {hour: ends[hour] for hour in found}
    by_day: Counter[date] = Counter()
    for hour, refusals in refused.items():
        by_day[hour.date()] += refusals
    assert {day: sum(denied.values()) for day, denied in (await _refusals(connection)).items()} == by_day
    assert await check_organization_hours(connection) == []


async def test_callers_cannot_fill_the_table_with_names(connection: Connection) -> None:
    invented = [used(KEY, AT, code="not_found", mcp_id=f"mcp_{number}") for number in range(50)]
    unknown = [used(None, AT, code="unauthorized", mcp_id=f"mcp_{number}") for number in range(50)]
    await append(connection, "p", AT, [*invented, *unknown])
    await run_projection(connection, ORGANIZATION_HOURS, 10)
    cursor = await connection.execute(
        b"select organization_id, mcp_id, code, uses from organization_usage_hours order by code"
    )
    assert await cursor.fetchall() == [("org_a", "", "not_found", 50), ("", "", "unauthorized", 50)]


async def test_the_check_finds_a_wrong_count(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT), completed(KEY, AT)])
    await run_projection(connection, ORGANIZATION_HOURS, 10)
    await append(connection, "p", AT, [used(KEY, AT)])
    assert await check_organization_hours(connection) == [], "the use after the checkpoint is not counted yet"
    await connection.execute(b"update organization_usage_hours set uses = uses + 1 where uses = 1")
    assert await check_organization_hours(connection) == [
        "I8 organization_usage_hours of 'org_a' on 2026-03-04: 3 events counted, 2 in the log",
        "I8 organization_hour_totals of 'org_a' at 2026-03-04 12:00: 1 events, 2 by server",
    ]


async def test_the_check_finds_a_wrong_total(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT), used(KEY, AT, mcp_id="mcp_a")])
    await run_projection(connection, ORGANIZATION_HOURS, 10)
    await connection.execute(b"update organization_hour_totals set failed = failed + 1")
    assert await check_organization_hours(connection) == [
        "I8 organization_hour_totals of 'org_a' at 2026-03-04 12:00: 2 events, 2 by server"
    ]


async def test_the_totals_of_an_older_database_are_derived_from_its_hours(connection: Connection) -> None:
    rng = random.Random(7)  # noqa: S311 -- no secret
    for turn in range(3):
        at = AT + turn * HOUR
        await append(connection, "p", at, some_of_everything(rng, [KEY, OTHER], at, 20))
    counted = await _outcomes(connection)
    assert any(outcomes.calls for outcomes in counted.values())
    script = (ROOT / "projections/read_models/usage/organization_hours/schema_0002_totals.sql").read_bytes()
    (derive,) = [part for part in script.split(b";") if b"insert into organization_hour_totals" in part]
    await connection.execute(b"set role none")
    await connection.execute(b"delete from organization_hour_totals")
    await connection.execute(derive)
    assert await _outcomes(connection) == counted
    assert await check_organization_hours(connection) == []


async def test_the_check_finds_a_wrong_number_of_refusals(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, code="rate_limited"), used(KEY, AT, code="expired_key")])
    await run_projection(connection, ORGANIZATION_HOURS, 10)
    assert await check_organization_hours(connection) == []
    await connection.execute(b"update organization_refusal_days set denied = denied + 1 where code = 'expired_key'")
    assert await check_organization_hours(connection) == [
        "I8 organization_refusal_days of 'org_a' on 2026-03-04: 2 refusals, 1 by hour"
    ]
    await connection.execute(b"set role none")
    await connection.execute(b"delete from organization_refusal_days where code = 'expired_key'")
    assert await check_organization_hours(connection) == [
        "I8 organization_refusal_days of 'org_a' on 2026-03-04: 0 refusals, 1 by hour"
    ]


async def test_the_refusals_of_an_older_database_are_derived_from_its_hours(connection: Connection) -> None:
    rng = random.Random(7)  # noqa: S311 -- no secret
    for turn in range(3):
        at = AT + turn * 12 * HOUR
        await append(connection, "p", at, some_of_everything(rng, [KEY, OTHER], at, 60))
    await run_projection(connection, ORGANIZATION_HOURS, 30)
    counted = await _refusals(connection)
    assert len(counted) > 1
    script = (ROOT / "projections/read_models/usage/organization_hours/schema_0003_refusals.sql").read_bytes()
    (derive,) = [part for part in script.split(b";") if b"insert into organization_refusal_days" in part]
    await connection.execute(b"set role none")
    await connection.execute(b"delete from organization_refusal_days")
    await connection.execute(derive)
    assert await _refusals(connection) == counted
    assert await check_organization_hours(connection) == []
