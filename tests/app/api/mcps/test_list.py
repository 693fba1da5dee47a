"""GET /v1/mcps. Pages are tested in tests/app/api/test_paging.py."""

import pytest

from tests.app.api.mcp.conftest import Upstream
from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization


def test_mcps_of_the_organization_are_listed_newest_first(api: Api, org: Organization) -> None:
    api.organization().mcp(name="Of someone else")
    for name in ("first", "second"):
        org.mcp(name=name)
    answer = org.client.get("/v1/mcps")
    assert [item["name"] for item in answer.data] == ["second", "first"]
    assert answer.json["pagination"] == {"page": 1, "per_page": 20, "total": 2, "total_pages": 1, "next_cursor": None}


def test_a_listed_mcp_has_the_same_fields_as_its_detail(org: Organization) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "x")
    (item,) = org.client.get("/v1/mcps").data
    detail = org.client.get(f"/v1/mcps/{mcp_id}").data
    assert item == {name: detail[name] for name in item}


def test_the_tools_of_each_mcp_are_listed_on_request(org: Organization, upstream: Upstream) -> None:
    tested, untested = org.mcp(endpoint_url=upstream.url), org.mcp()
    org.client.post(f"/v1/mcps/{tested}/test")
    found = {item["id"]: item["tools"] for item in org.client.get("/v1/mcps", {"include": "tools"}).data}
    detail = org.client.get(f"/v1/mcps/{tested}").data["tools"]
    assert found[tested] == [{"name": tool["name"], "description": tool["description"]} for tool in detail]
    assert "add" in {tool["name"] for tool in found[tested]}
    assert found[untested] == []


def test_a_deleted_mcp_is_not_listed(org: Organization) -> None:
    org.client.delete(f"/v1/mcps/{org.mcp()}")
    answer = org.client.get("/v1/mcps")
    assert (answer.data, answer.json["pagination"]["total"]) == ([], 0)


@pytest.mark.parametrize("params", [{"page": "0"}, {"per_page": "1000"}, {"sort": "name"}, {"cursor": "x"}])
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str]) -> None:
    refused = org.client.get("/v1/mcps", params)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", set(params))
