"""GET /v1/usage with details: refusals by reason, ended calls and latencies, by hour, by day and for one MCP server."""

import codecs
from datetime import datetime, timedelta

import pytest

from infrastructure.clock import new_id, now
from tests.app.api.usage.usage_data import count, record
from tests.app.organizations import Api, Organization
from tests.projections.usage.uses import completed, used

NO_LATENCIES = {"p50": None, "p95": None, "p99": None}
DETAILS = {"denied_by_reason", "calls", "latency_ms"}


def _yesterday() -> datetime:
    return now().replace(hour=10, minute=30, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def mcp_id(api: Api, org: Organization) -> str:
    """An MCP server with uses of yesterday in two hours, of which a second server has a few."""
    at, key, mcp_id = _yesterday(), new_id("key"), org.mcp(name="Wiki")
    calls = [used(key, at, organization_id=org.id, action="call", mcp_id=mcp_id) for _ in range(4)]
    events = [
        *calls,
        *[
            completed(
                key, at, organization_id=org.id, mcp_id=mcp_id, call_id=call.id, status=status, latency_ms=latency
            )
            for call, status, latency in zip(calls, ("success", "success", "error"), (3, 5, 9), strict=False)
        ],
        used(key, at, organization_id=org.id, code="rate_limited", mcp_id=mcp_id),
        used(key, at, organization_id=org.id, code="rate_limited", mcp_id=new_id("mcp")),
        used(key, at, organization_id=org.id, code="revoked_key", mcp_id=mcp_id),
        used(key, at, organization_id=org.id, code="forbidden", action="manage"),
    ]
    record(api, at, events)
    later = at + timedelta(hours=2)
    record(api, later, [used(key, later, organization_id=org.id)])
    count(api)
    return mcp_id


@pytest.mark.usefixtures("mcp_id")
def test_hours_have_refusals_by_reason_ended_calls_and_latencies(org: Organization) -> None:
    usage = org.client.get("/v1/usage", {"bucket": "hour", "days": 2}).data
    at = _yesterday().replace(minute=0)
    assert len(usage["by_hour"]) == 48
    assert [(hour["hour"], hour["requests"]) for hour in usage["by_hour"] if hour["requests"]] == [
        (f"{at:%Y-%m-%dT%H}:00:00Z", 4),
        (f"{at + timedelta(hours=2):%Y-%m-%dT%H}:00:00Z", 1),
    ]
    busy = {
        "requests": 4,
        "errors": 1,
        "denied": 3,
        "denied_by_reason": [{"reason": "rate_limited", "denied": 2}, {"reason": "revoked_key", "denied": 1}],
        "calls": 3,
        "latency_ms": {"p50": 5, "p95": 9, "p99": 9},
    }
    assert usage["by_hour"][10] == {"hour": f"{at:%Y-%m-%dT%H}:00:00Z", **busy}
    assert usage["by_hour"][11] | {"hour": None} == {
        "hour": None,
        "requests": 0,
        "errors": 0,
        "denied": 0,
        "denied_by_reason": [],
        "calls": 0,
        "latency_ms": NO_LATENCIES,
    }
    assert {name: usage[name] for name in DETAILS} == {name: busy[name] for name in DETAILS}
    assert usage["by_day"][0] == {"date": at.date().isoformat(), "requests": 5, "errors": 1, "denied": 3}


@pytest.mark.usefixtures("mcp_id")
def test_days_have_the_same_details(org: Organization) -> None:
    usage = org.client.get("/v1/usage", {"bucket": "day", "days": 31}).data
    assert (usage["period"], len(usage["by_day"]), "by_hour" in usage) == ("custom", 31, False)
    assert usage["by_day"][-2] == {
        "date": _yesterday().date().isoformat(),
        "requests": 5,
        "errors": 1,
        "denied": 3,
        "denied_by_reason": [{"reason": "rate_limited", "denied": 2}, {"reason": "revoked_key", "denied": 1}],
        "calls": 3,
        "latency_ms": {"p50": 5, "p95": 9, "p99": 9},
    }


@pytest.mark.usefixtures("mcp_id")
def test_more_than_31_days_have_refusals_by_reason_and_no_calls(org: Organization) -> None:
    usage = org.client.get("/v1/usage", {"bucket": "day", "days": 366}).data
    refused = [{"reason": "rate_limited", "denied": 2}, {"reason": "revoked_key", "denied": 1}]
    assert usage["denied_by_reason"] == refused
    assert usage["by_day"][-2] == {
        "date": _yesterday().date().isoformat(),
        "requests": 5,
        "errors": 1,
        "denied": 3,
        "denied_by_reason": refused,
    }
    assert (len(usage["by_day"]), usage["by_day"][-3]["denied_by_reason"]) == (366, [])
    assert not {"calls", "latency_ms"} & set(usage)


def test_hours_of_more_than_31_days_have_refusals_by_reason(org: Organization, mcp_id: str) -> None:
    for server, requests, refused in (
        ({}, 4, {"rate_limited": 2, "revoked_key": 1}),
        ({"mcp_id": mcp_id}, 4, {"rate_limited": 1}),
    ):
        usage = org.client.get("/v1/usage", {"bucket": "hour", "days": 366, **server}).data
        (hour,) = [hour for hour in usage["by_hour"] if hour["requests"] == requests]
        reasons = [{"reason": reason, "denied": denied} for reason, denied in refused.items()]
        at = _yesterday().replace(minute=0)
        assert hour == {
            "hour": f"{at:%Y-%m-%dT%H}:00:00Z",
            "requests": 4,
            "errors": 1,
            "denied": sum(refused.values()),
            "denied_by_reason": reasons,
        }
        assert len(usage["by_hour"]) == 366 * 24
        assert usage["denied_by_reason"] == reasons


def test_days_of_one_mcp_server_have_refusals_by_reason_for_more_than_31_days(org: Organization, mcp_id: str) -> None:
    usage = org.client.get("/v1/usage", {"bucket": "day", "days": 32, "mcp_id": mcp_id}).data
    assert usage["by_day"][-2] == {
        "date": _yesterday().date().isoformat(),
        "requests": 4,
        "errors": 1,
        "denied": 1,
        "denied_by_reason": [{"reason": "rate_limited", "denied": 1}],
    }


@pytest.mark.usefixtures("mcp_id")
def test_the_csv_of_more_than_31_days_has_no_columns_of_calls(org: Organization) -> None:
    for days, calls in ((32, ""), (31, "calls,latency_p50_ms,latency_p95_ms,latency_p99_ms,")):
        table = org.client.get("/v1/usage", {"bucket": "day", "days": days, "format": "csv"}).content.decode()
        header, *rows = table.splitlines()
        assert header == f"start,requests,errors,denied,{calls}denied_rate_limited,denied_revoked_key"
        assert rows[-2].endswith(",2,1")
    plain = org.client.get("/v1/usage", {"days": 32, "format": "csv"}).content.decode()
    assert plain.splitlines()[0] == "start,requests,errors,denied"


def test_excel_gets_csv_with_a_byte_order_mark(org: Organization) -> None:
    path = f"/v1/api-keys/{org.key().id}/usage"
    for each in ("/v1/usage", path):
        plain, marked = (org.client.get(each, {"bucket": "day", "format": form}) for form in ("csv", "excel"))
        assert marked.content == codecs.BOM_UTF8 + plain.content
        assert marked.headers["content-disposition"] == plain.headers["content-disposition"]


def test_one_mcp_server_has_its_own_report(org: Organization, mcp_id: str) -> None:
    usage = org.client.get("/v1/usage", {"bucket": "hour", "days": 2, "mcp_id": mcp_id}).data
    assert usage["requests"]["total"] == 4
    assert usage["by_status"] == {"success": 3, "error": 1, "denied": 1}
    assert usage["by_mcp"] == [{"mcp_id": mcp_id, "name": "Wiki", "requests": 4}]
    assert "by_key" not in usage
    assert usage["denied_by_reason"] == [{"reason": "rate_limited", "denied": 1}], (
        "revoked_key is decided before the server is looked up"
    )
    assert usage["by_hour"][10]["denied_by_reason"] == [{"reason": "rate_limited", "denied": 1}]


@pytest.mark.usefixtures("mcp_id")
def test_without_a_bucket_a_report_has_refusals_by_day_and_no_details(org: Organization) -> None:
    usage = org.client.get("/v1/usage", {"days": 366}).data
    assert (len(usage["by_day"]), usage["by_day"][-2]["denied"]) == (366, 3)
    assert not DETAILS & set(usage)
    assert not DETAILS & set(usage["by_day"][-2])


@pytest.mark.usefixtures("mcp_id")
def test_another_organization_has_none_of_these_uses(api: Api) -> None:
    usage = api.organization().client.get("/v1/usage", {"bucket": "hour", "days": 2}).data
    assert (usage["denied_by_reason"], usage["calls"]) == ([], 0)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"bucket": "minute"}, "bucket"),
        ({"days": "0"}, "days"),
        ({"days": "367"}, "days"),
        ({"days": "7", "period": "day"}, "days"),
        ({"days": "7", "end_date": "2026-01-01"}, "days"),
    ],
)
def test_a_period_that_cannot_be_reported_is_refused(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get("/v1/usage", params)
    assert (refused.status, set(refused.details)) == (422, {field})
