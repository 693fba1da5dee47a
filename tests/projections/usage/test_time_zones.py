"""Reports on days of a time zone are the sums of the uses in their hours."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from domain.usage.events import Action, CallCompleted, CallStatus, Code, KeyUsed, UsageEvent
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.key_details import details_by_day
from projections.read_models.usage.key_report import key_report
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from projections.read_models.usage.organization_hours.queries import DetailedOutcomes, Selection, outcomes_by_day
from projections.read_models.usage.organization_report import organization_report
from projections.read_models.usage.report import Outcomes
from projections.read_models.usage.span import Span
from tests.projections.usage.uses import append, completed, used

pytestmark = pytest.mark.anyio

KEYS = [new_id("key") for _ in range(4)]
MCPS = ["mcp_a", "mcp_b"]
TOOLS = ["get_page", "search"]
FIRST = datetime(2026, 3, 27, tzinfo=UTC)
HOURS = 5 * 24
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati", "Etc/UTC"]
SPANS = [(date(2026, 3, 29), date(2026, 3, 29)), (date(2026, 3, 28), date(2026, 3, 30))]

ACTIONS: Sequence[Action] = ("verify", "call", "manage")
CODES: Sequence[Code] = ("valid", "valid", "rate_limited", "quota_exceeded")
STATUSES: Sequence[CallStatus] = ("success", "error")


@pytest.fixture
async def written(connection: Connection) -> list[UsageEvent]:
    """Uses of five days, all counted."""
    dice = random.Random(7)  # noqa: S311 -- no secret
    written: list[UsageEvent] = []
    for hour in range(HOURS):
        at = FIRST + timedelta(hours=hour, minutes=dice.randrange(60))
        batch: list[UsageEvent] = []
        for _ in range(6):
            key, mcp_id, action, code = dice.choice(KEYS), dice.choice(MCPS), dice.choice(ACTIONS), dice.choice(CODES)
            use = used(
                key, at, action=action, code=code, mcp_id=mcp_id, tool=dice.choice(TOOLS), billed=code == "valid"
            )
            batch.append(use)
            if action == "call" and code == "valid":
                batch.append(completed(key, at, mcp_id=mcp_id, call_id=use.id, status=dice.choice(STATUSES)))
        if hour % 3 == 0:
            batch.append(_of_unknown_secret(at))
        await append(connection, "p", at, batch)
        written += batch
    for projection in (USAGE, ORGANIZATION_HOURS):
        assert (await run_projection(connection, projection, 30)).stopped == {}
    return written


def _of_unknown_secret(at: datetime) -> KeyUsed:
    """Return the verification of a secret that no key has."""
    return structs.replace(used(None, at, code="unauthorized"), organization_id="org_a")


def _within(written: Sequence[UsageEvent], span: Span) -> list[UsageEvent]:
    """Return the events of the span except those of management."""
    hours = set(span.hours)
    return [
        each
        for each in written
        if each.occurred_at.replace(minute=0) in hours and (isinstance(each, CallCompleted) or each.action != "manage")
    ]


def _accepted(events: Sequence[UsageEvent]) -> list[KeyUsed]:
    return [each for each in events if isinstance(each, KeyUsed) and each.code == "valid"]


def _denied(events: Sequence[UsageEvent]) -> Counter[str]:
    return Counter(each.code for each in events if isinstance(each, KeyUsed) and each.code != "valid")


def _outcomes(events: Sequence[UsageEvent]) -> Outcomes:
    failed = sum(isinstance(each, CallCompleted) and each.status == "error" for each in events)
    return Outcomes(len(_accepted(events)), _denied(events).total(), failed)


@pytest.mark.parametrize("zone", ZONES)
async def test_a_report_in_a_time_zone_has_the_uses_of_its_hours(
    connection: Connection, written: list[UsageEvent], zone: str
) -> None:
    for since, until in SPANS:
        span = Span(since, until, UTC if zone == "UTC" else ZoneInfo(zone))
        await _check_organization(connection, written, span)
        for key in KEYS:
            await _check_key(connection, key, [each for each in written if each.key_id == key], span)


async def _check_organization(connection: Connection, written: Sequence[UsageEvent], span: Span) -> None:
    within = _within(written, span)
    report = await organization_report(connection, "org_a", span, created_by=None)
    utc_days = _within(written, Span(span.since, span.until))
    assert report.total == _outcomes(within)._replace(billed=sum(use.billed for use in _accepted(utc_days)))
    assert {day.date: day.outcomes._replace(billed=0) for day in report.days} == {
        day: _outcomes(_within(written, Span(day, day, span.zone))) for day in span.days
    }
    assert {mcp.id: mcp.requests for mcp in report.mcps} == Counter(use.mcp_id for use in _accepted(within))
    assert report.keys is not None
    assert {key.id: key.requests for key in report.keys} == Counter(use.key_id for use in _accepted(within))
    assert report.keys_exact
    assert [key.requests for key in report.keys] == sorted([key.requests for key in report.keys], reverse=True)

    one = await organization_report(connection, "org_a", span, created_by=None, mcp_id="mcp_a")
    of_one = [each for each in within if each.mcp_id == "mcp_a"]
    assert one.total._replace(billed=0) == _outcomes(of_one)
    assert [(mcp.id, mcp.requests) for mcp in one.mcps] == [("mcp_a", len(_accepted(of_one)))]

    details = await outcomes_by_day(connection, Selection("org_a", None, span))
    for day, outcomes in details.items():
        events = _within(written, Span(day, day, span.zone))
        assert outcomes.denied == _denied(events)
        assert outcomes.calls == sum(isinstance(each, CallCompleted) for each in events)


async def _check_key(connection: Connection, key: str, written: Sequence[UsageEvent], span: Span) -> None:
    within = _within(written, span)
    report = await key_report(connection, key, span, with_hours=True)
    assert report.total == _outcomes(within)
    assert {day.date: day.outcomes for day in report.days} == {
        day: _outcomes(_within(written, Span(day, day, span.zone))) for day in span.days
    }
    assert {mcp.id: mcp.requests for mcp in report.mcps} == Counter(use.mcp_id for use in _accepted(within))
    tools = {(tool.mcp_id, tool.name): tool.requests for tool in report.tools}
    assert tools == Counter((use.mcp_id, use.tool) for use in _accepted(within))
    assert {denial.reason: denial.denied for denial in report.denials} == _denied(within)
    assert [hour.start for hour in report.hours] == span.hours
    assert sum(hour.outcomes.requests for hour in report.hours) == report.total.requests
    details = await details_by_day(connection, key, span)
    for day, detail in details.items():
        events = _within(written, Span(day, day, span.zone))
        assert detail.denied == _denied(events)
        assert detail.calls == sum(isinstance(each, CallCompleted) for each in events)
        assert span.is_utc or detail.latency_ms is None, "latencies are counted by UTC day"


async def test_the_latencies_of_a_key_are_those_of_all_utc_days_with_an_hour_of_the_span(
    connection: Connection,
) -> None:
    for hour, latency in ((21, 5), (22, 9)):
        at = datetime(2026, 3, 4, hour, 30, tzinfo=UTC)
        await append(connection, "p", at, [completed(KEYS[0], at, latency_ms=latency)])
    at = datetime(2026, 3, 6, 0, 30, tzinfo=UTC)
    await append(connection, "p", at, [completed(KEYS[0], at, latency_ms=1)])
    assert (await run_projection(connection, USAGE, 30)).stopped == {}
    span = Span(date(2026, 3, 5), date(2026, 3, 5), ZoneInfo("Europe/Berlin"))  # 22:00 on the 4th, in winter 23:00
    report = await key_report(connection, KEYS[0], span)
    assert (report.latency_ms.p50, report.latency_ms.p99) == (5, 9)


@pytest.mark.parametrize("mcp_id", [None, "mcp_a"])
@pytest.mark.usefixtures("written")
async def test_a_report_in_a_time_zone_takes_the_days_that_its_caller_has_read(
    connection: Connection, mcp_id: str | None
) -> None:
    """They are not read again, as days show that differ from the log."""
    span = Span(*SPANS[1], ZoneInfo("Europe/Berlin"))
    days = await outcomes_by_day(connection, Selection("org_a", mcp_id, span))
    read = await organization_report(connection, "org_a", span, created_by=None, mcp_id=mcp_id)
    given = await organization_report(connection, "org_a", span, created_by=None, mcp_id=mcp_id, by_day=days)
    assert given == read
    empty = {day: DetailedOutcomes() for day in days}
    report = await organization_report(connection, "org_a", span, created_by=None, mcp_id=mcp_id, by_day=empty)
    assert {day.outcomes for day in report.days} == {Outcomes()}
