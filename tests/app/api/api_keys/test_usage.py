"""GET /v1/api-keys/{id}/usage"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from domain.usage.events import Denial
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count, record
from tests.app.organizations import Api, Key, Organization
from tests.projections.usage.uses import completed, used


@pytest.fixture
def noon() -> datetime:
    """Noon on the day of the test. Uses recorded in the future count as well."""
    return now().replace(hour=12, minute=0, second=0, microsecond=0)


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
    by_hour, counted_until = usage.pop("by_hour"), datetime.fromisoformat(usage.pop("counted_until"))
    assert today < counted_until <= now()
    assert usage == {
        "key_id": key.id,
        "period": "day",
        "start_date": date,
        "end_date": date,
        "time_zone": "UTC",
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


def test_reasons_of_denied_uses_are_counted_over_the_whole_period(api: Api, org: Organization, noon: datetime) -> None:
    key = org.key()
    denials: list[tuple[int, Denial]] = [
        (0, "ip_not_permitted"),
        (20, "rate_limited"),
        (20, "ip_not_permitted"),
        (40, "rate_limited"),
    ]
    for days, code in denials:
        at = noon - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id, code=code)])
    record(api, noon, [used(key.id, noon, organization_id=org.id, action="manage", code="forbidden")])
    count(api)
    usage = _usage(org, key, start_date=(noon - timedelta(days=30)).date().isoformat())
    assert usage["denied_by_reason"] == [
        {"reason": "ip_not_permitted", "denied": 2},
        {"reason": "rate_limited", "denied": 1},
    ]
    assert usage["by_status"]["denied"] == sum(day["denied"] for day in usage["by_day"]) == 3
    assert "by_hour" not in usage


def test_periods_of_up_to_8_days_have_hours_and_others_with_a_bucket(
    api: Api, org: Organization, noon: datetime
) -> None:
    key = org.key()
    for days in (0, 7, 8):
        at = noon - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id, code="rate_limited")])
    count(api)
    usage = _usage(org, key, start_date=(noon - timedelta(days=7)).date().isoformat())
    assert len(usage["by_hour"]) == 8 * 24
    assert [hour["hour"] for hour in usage["by_hour"] if hour["denied"]] == [
        (noon - timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (7, 0)
    ]
    nine_days = {"start_date": (noon - timedelta(days=8)).date().isoformat()}
    assert "by_hour" not in _usage(org, key, **nine_days)
    hours = _usage(org, key, bucket="hour", **nine_days)["by_hour"]
    assert [index for index, hour in enumerate(hours) if hour["denied"]] == [12, 24 + 12, 8 * 24 + 12]
    assert hours[12]["denied_by_reason"] == [{"reason": "rate_limited", "denied": 1}]


def test_a_year_has_hours(org: Organization) -> None:
    usage = _usage(org, org.key(), start_date="2027-01-01", end_date="2028-01-01", bucket="hour")
    hours = [hour["hour"] for hour in usage["by_hour"]]
    assert (len(hours), hours[0], hours[-1]) == (366 * 24, "2027-01-01T00:00:00Z", "2028-01-01T23:00:00Z")


def test_an_unused_key_has_zero_counts_and_no_latency(org: Organization) -> None:
    usage = _usage(org, org.key())
    assert (usage["period"], usage["total_requests"], usage["by_mcp"], usage["by_tool"]) == ("month", 0, [], [])
    assert usage["latency_ms"] == {"p50": None, "p95": None, "p99": None}


def test_a_date_range_includes_every_day_and_both_ends(api: Api, org: Organization, noon: datetime) -> None:
    key = org.key()
    for days in (0, 2, 3, 4):
        at = noon - timedelta(days=days)
        record(api, at, [used(key.id, at, organization_id=org.id)])
    count(api)
    start, end = ((noon - timedelta(days=days)).date().isoformat() for days in (3, 1))
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


def test_a_bucket_adds_refusals_by_reason_and_ended_calls_and_latencies_by_day(api: Api, org: Organization) -> None:
    key, mcp_id, at = org.key(), org.mcp(), now()
    calls = [used(key.id, at, organization_id=org.id, action="call", mcp_id=mcp_id) for _ in range(2)]
    good, bad = (completed(key.id, at, organization_id=org.id, mcp_id=mcp_id, call_id=call.id) for call in calls)
    ended = [structs.replace(good, latency_ms=3), structs.replace(bad, latency_ms=9, status="error")]
    record(
        api, at, [*calls, *ended, *[used(key.id, at, organization_id=org.id, code="rate_limited") for _ in range(3)]]
    )
    count(api)
    details = {"denied_by_reason": [{"reason": "rate_limited", "denied": 3}], "calls": 2}
    counts = {"requests": 2, "errors": 1, "denied": 3}
    daily = {"date": at.date().isoformat(), **counts, **details, "latency_ms": {"p50": 3, "p95": 9, "p99": 9}}
    assert _usage(org, key, period="day", bucket="day")["by_day"] == [daily]
    usage = _usage(org, key, period="day", bucket="hour")
    assert usage["by_day"] == [daily]
    assert usage["by_hour"][at.hour] == {"hour": f"{at:%Y-%m-%dT%H}:00:00Z", **counts, **details}
    assert usage["by_hour"][at.hour - 1]["denied_by_reason"] == []


def test_the_report_as_csv_has_a_row_for_each_hour_or_day(api: Api, org: Organization, noon: datetime) -> None:
    key = org.key()
    denials: list[Denial] = ["rate_limited", "ip_not_permitted", "rate_limited"]
    record(api, noon, [used(key.id, noon, organization_id=org.id, code=code) for code in denials])
    count(api)
    day = noon.date().isoformat()
    for path, bucket, latencies in ((f"{key.path}/usage", "hour", ",,"), ("/v1/usage", "day", ",,")):
        given = {"period": "day", "format": "csv", "bucket": bucket}
        response = org.client.get(path, given)
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.headers["content-disposition"] == f'attachment; filename="usage-{day}-{day}.csv"'
        header, *rows = response.content.decode().split("\r\n")
        counts = "start,requests,errors,denied,calls,latency_p50_ms,latency_p95_ms,latency_p99_ms"
        assert header == f"{counts},denied_ip_not_permitted,denied_rate_limited"
        start = f"{day}T12:00:00Z" if bucket == "hour" else f"{day}T00:00:00Z"
        assert f"{start},0,0,3,0,{latencies},1,2" in rows
        assert len(rows) == (24 if bucket == "hour" else 1) + 1
    (row,) = org.client.get("/v1/usage", {"period": "day", "format": "csv"}).content.decode().splitlines()[1:]
    assert row == f"{day}T00:00:00Z,0,0,3"


def test_a_report_says_up_to_when_uses_are_counted(api: Api, org: Organization) -> None:
    key, at = org.key(), now() - timedelta(minutes=5)
    count(api)
    record(api, at, [used(key.id, at, organization_id=org.id)], producer="waiting")
    for path in (f"{key.path}/usage", "/v1/usage"):
        assert datetime.fromisoformat(org.client.get(path).data["counted_until"]) == at
