"""GET /v1/usage and GET /v1/organization/usage"""

from datetime import timedelta

import pytest

from domain.keys.permissions import Permissions
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count, record
from tests.app.organizations import Api, Organization
from tests.projections.usage.uses import used


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/organization/usage"])
def test_the_usage_of_an_organization_has_the_limit_of_its_plan(api: Api, path: str) -> None:
    org = api.organization("pro")
    mcp_id = org.mcp(name="Files")
    live = org.key(name="Live", permissions={"mcps": "*"})
    test = org.seeded_key(name="Test", environment="test")
    for _ in range(2):
        org.verify(live.secret, mcp_id=mcp_id)
    org.verify(test.secret)
    org.verify(live.secret, mcp_id=mcp_id, tool="search")
    org.verify(live.secret, mcp_id="mcp_" + "0" * 26)
    count(api)
    usage = org.client.get(path).data
    today = now().date()
    by_day = usage.pop("by_day")
    del usage["counted_until"]
    assert usage == {
        "period": "month",
        "start_date": today.replace(day=1).isoformat(),
        "end_date": today.isoformat(),
        "time_zone": "UTC",
        "requests": {"total": 4, "billed": 3, "limit": 50_000, "percentage": 0.01},
        "by_mcp": [{"mcp_id": mcp_id, "name": "Files", "requests": 3}],
        "by_key": [
            {"key_id": live.id, "name": "Live", "requests": 3},
            {"key_id": test.id, "name": "Test", "requests": 1},
        ],
        "by_status": {"success": 4, "error": 0, "denied": 1},
    }
    assert len(by_day) == today.day
    assert by_day[-1] == {"date": today.isoformat(), "requests": 4, "errors": 0, "denied": 1}


def test_a_report_lists_as_many_of_the_most_used_keys_as_requested(api: Api, org: Organization) -> None:
    keys = [org.key() for _ in range(3)]
    for uses, key in enumerate(keys, 1):
        for _ in range(uses):
            org.verify(key.secret)
    count(api)
    for number in (0, 2):
        listed = org.client.get("/v1/usage", {"keys": number}).data["by_key"]
        assert [key["requests"] for key in listed] == [3, 2][:number]
    refused = org.client.get("/v1/usage", {"keys": 101})
    assert (refused.status, set(refused.details)) == (422, {"keys"})


def test_a_plan_without_a_limit_has_no_percentage(api: Api) -> None:
    requests = api.organization("enterprise").client.get("/v1/usage").data["requests"]
    assert requests == {"total": 0, "billed": 0, "limit": None, "percentage": None}


def test_uses_of_another_organization_are_not_counted(api: Api, org: Organization) -> None:
    other = api.organization()
    other.verify(other.key().secret)
    count(api)
    usage = org.client.get("/v1/usage", {"period": "day"}).data
    assert (usage["requests"]["total"], usage["by_key"]) == (0, [])


def test_reading_usage_with_a_key_does_not_count_as_a_request(api: Api, org: Organization) -> None:
    reader = org.seeded_key(permissions=Permissions(mcps=(), manage=("usage:read",)))
    assert reader.client.get("/v1/usage").status == 200
    count(api)
    assert reader.client.get("/v1/usage").data["requests"]["total"] == 0


@pytest.mark.parametrize("path", ["/v1/usage", "/v1/organization/usage"])
def test_an_invalid_parameter_is_named(org: Organization, path: str) -> None:
    refused = org.client.get(path, {"start_date": "2026-02-01", "end_date": "2026-01-01"})
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"end_date"})


def test_the_history_is_newest_first_with_pages_by_number_and_by_cursor(api: Api, org: Organization) -> None:
    noon = now().replace(hour=12)
    days = [(noon - timedelta(days=number)) for number in range(0, 10, 2)]
    key = org.key()
    for at in days:
        record(api, at, [used(key.id, at, organization_id=org.id, billed=True)])
    record(api, days[0], [used(key.id, days[0], organization_id=org.id, code="expired_key")])
    count(api)
    dates = [at.date().isoformat() for at in days]
    first = org.client.get("/v1/usage/history", {"per_page": 2})
    assert first.data == [
        {"date": dates[0], "requests": 1, "errors": 0, "denied": 1, "billed": 1},
        {"date": dates[1], "requests": 1, "errors": 0, "denied": 0, "billed": 1},
    ]
    assert (first.json["pagination"]["total"], first.json["pagination"]["total_pages"]) == (5, 3)
    numbered = [
        day["date"]
        for page in (1, 2, 3)
        for day in org.client.get("/v1/usage/history", {"per_page": 2, "page": page}).data
    ]
    assert numbered == dates
    followed, answer = [day["date"] for day in first.data], first
    while cursor := answer.json["pagination"]["next_cursor"]:
        assert f"cursor={cursor}" in answer.headers["link"].replace("%3D", "=")
        answer = org.client.get("/v1/usage/history", {"per_page": 2, "cursor": cursor})
        followed += [day["date"] for day in answer.data]
    assert followed == dates
    span = {"start_date": dates[3], "end_date": dates[1]}
    assert [day["date"] for day in org.client.get("/v1/usage/history", span).data] == dates[1:4]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "end_date"),
        ({"cursor": "made-up"}, "cursor"),
        ({"per_page": "0"}, "per_page"),
        ({"period": "day"}, "period"),
    ],
)
def test_an_invalid_parameter_of_the_history_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get("/v1/usage/history", params)
    assert (refused.status, set(refused.details)) == (422, {field})
