"""GET /v1/api-keys/{id}/usage"""

from datetime import timedelta
from typing import Any

import pytest

from domain.usage.events import Denial
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count, record
from tests.app.organizations import Api, Key, Organization
from tests.projections.usage.uses import completed, used

NOON = now().replace(hour=12, minute=0, second=0, microsecond=0)
"""Noon today. Uses recorded in the future count as well."""


def _usage(org: Organization, key: Key, **params: object) -> dict[str, Any]:
    usage: dict[str, Any] = org.client.get(f"{key.path}/usage", params).data
    return usage


def test_usage_is_grouped_by_mcp_tool_day_hour_and_outcome(api: Api, org: Organization) -> None:
    mcp_id = org.mcp(name="Files")
    key = org.key(permissions={"mcps": [mcp_id]})
    org.verify(key.secret, mcp_id=mcp_id, tool="search")
    org.verify(key.secret, mcp_id=mcp_id, tool="search")
    org.verify(key.secret)
    key.client.get("/v1/api-keys")  # forbidden, and management calls don't count as requests
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret, mcp_id=mcp_id)
    today = now()
    good = completed(key.id, today, mcp_id=mcp_id, latency_ms=10, organization_id=org.id)
    bad = completed(key.id, today, mcp_id=mcp_id, latency_ms=12, organization_id=org.id, status="error")
    record(api, today, [good, bad])
    count(api)
    usage = _usage(org, key, period="day")
    date = today.date().isoformat()
    by_hour = usage.pop("by_hour")
    assert usage == {
        "key_id": key.id,
        "period": "day",
        "start_date": date,
        "end_date": date,
        "total_requests": 3,
        "by_mcp": [{"mcp_id": mcp_id, "name": "Files", "requests": 2}],
        "by_tool": [{"mcp_id": mcp_id, "tool": "search", "requests": 2}],
        "by_day": [{"date": date, "requests": 3, "errors": 1, "denied": 1}],
        "by_status": {"success": 2, "error": 1, "denied": 1},
        "denied_by_reason": [{"reason": "disabled_key", "denied": 1}],
        "latency_ms": {"p50": 10, "p95": 12, "p99": 12},
    }
    assert (len(by_hour), by_hour[0]["hour"]) == (24, f"{date}T00:00:00Z")
    assert sum(hour["requests"] for hour in by_hour) == 3
    assert [hour["denied"] for hour in by_hour if hour["denied"]] == [1]


def test_reasons_of_denied_uses_are_counted_over_the_whole_period(api: Api, org: Organization) -> None:
    key = org.key()
    denials: list[tuple[int, Denial]] = [
        (0, "ip_not_permitted"),
        (20, "rate_limited"),
        (20, "ip_not_permitted"),
        (40, "rate_limited"),
    ]
    for days, code in denials:
        at = NOON - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id, code=code)])
    record(api, NOON, [used(key.id, NOON, organization_id=org.id, action="manage", code="forbidden")])
    count(api)
    usage = _usage(org, key, start_date=(NOON - timedelta(days=30)).date().isoformat())
    assert usage["denied_by_reason"] == [
        {"reason": "ip_not_permitted", "denied": 2},
        {"reason": "rate_limited", "denied": 1},
    ]
    assert usage["by_status"]["denied"] == sum(day["denied"] for day in usage["by_day"]) == 3
    assert "by_hour" not in usage


def test_periods_of_up_to_8_days_have_hours(api: Api, org: Organization) -> None:
    key = org.key()
    for days in (0, 7, 8):
        at = NOON - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id, code="rate_limited")])
    count(api)
    usage = _usage(org, key, start_date=(NOON - timedelta(days=7)).date().isoformat())
    assert len(usage["by_hour"]) == 8 * 24
    assert [hour["hour"] for hour in usage["by_hour"] if hour["denied"]] == [
        (NOON - timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (7, 0)
    ]
    assert "by_hour" not in _usage(org, key, start_date=(NOON - timedelta(days=8)).date().isoformat())


def test_an_unused_key_has_zero_counts_and_no_latency(org: Organization) -> None:
    usage = _usage(org, org.key())
    assert (usage["period"], usage["total_requests"], usage["by_mcp"], usage["by_tool"]) == ("month", 0, [], [])
    assert usage["latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_a_date_range_includes_every_day_and_both_ends(api: Api, org: Organization) -> None:
    key = org.key()
    for days in (0, 2, 3, 4):
        at = NOON - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id)])
    count(api)
    start, end = ((NOON - timedelta(days=days)).date().isoformat() for days in (3, 1))
    usage = _usage(org, key, start_date=start, end_date=end)
    assert (usage["period"], usage["start_date"], usage["end_date"]) == ("custom", start, end)
    assert usage["total_requests"] == 2
    assert [day["requests"] for day in usage["by_day"]] == [1, 1, 0]
    assert _usage(org, key, start_date=start)["total_requests"] == 3, "the default end is today"


def test_week_and_month_are_calendar_periods(org: Organization) -> None:
    key, today = org.key(), now().date()
    week, month = _usage(org, key, period="week"), _usage(org, key, period="month")
    assert week["start_date"] == (today - timedelta(days=today.weekday())).isoformat()
    assert month["start_date"] == today.replace(day=1).isoformat()


def test_the_list_and_the_detail_have_the_same_usage(api: Api, org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    count(api)
    expected = {"total_requests": 1, "requests_today": 1, "requests_this_week": 1, "requests_this_month": 1}
    assert org.detail(key)["usage"] == expected
    (listed,) = [item for item in org.client.get("/v1/api-keys").data if item["id"] == key.id]
    assert listed["usage"] == expected
    assert _usage(org, key, period="week")["total_requests"] == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"period": "year"}, "period"),
        ({"period": "day", "start_date": "2026-01-01"}, "period"),
        ({"end_date": "2026-01-01"}, "start_date"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-31"}, "end_date"),
        ({"start_date": "2999-01-01"}, "start_date"),
        ({"start_date": "9999-12-31", "end_date": "9999-12-31"}, "end_date"),
        ({"start_date": "2025-01-01", "end_date": "2026-01-02"}, "start_date"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"from": "2026-01-01"}, "from"),
    ],
)
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get(f"{org.manager.path}/usage", params)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == {field}


def test_a_leap_year_is_a_valid_range(org: Organization) -> None:
    assert len(_usage(org, org.manager, start_date="2024-01-01", end_date="2024-12-31")["by_day"]) == 366


def test_the_usage_of_another_organizations_key_does_not_exist(api: Api, org: Organization) -> None:
    refused = org.client.get(f"{api.organization().key().path}/usage")
    assert (refused.status, refused.code) == (404, "not_found")
