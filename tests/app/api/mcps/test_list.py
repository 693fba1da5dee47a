"""GET /v1/mcps; its pages are in tests/app/api/test_paging.py"""

import pytest

from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization


def test_the_own_mcps_newest_first(api: Api, org: Organization) -> None:
    api.organization().mcp(name="Of someone else")
    for name in ("first", "second"):
        org.mcp(name=name)
    answer = org.client.get("/v1/mcps")
    assert [item["name"] for item in answer.data] == ["second", "first"]
    assert answer.json["pagination"] == {"page": 1, "per_page": 20, "total": 2, "total_pages": 1, "next_cursor": None}


def test_an_item_is_what_the_detail_says_of_it(org: Organization) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "x")
    (item,) = org.client.get("/v1/mcps").data
    detail = org.client.get(f"/v1/mcps/{mcp_id}").data
    assert item == {name: detail[name] for name in item}


def test_what_was_deleted_is_gone(org: Organization) -> None:
    org.client.delete(f"/v1/mcps/{org.mcp()}")
    answer = org.client.get("/v1/mcps")
    assert (answer.data, answer.json["pagination"]["total"]) == ([], 0)


@pytest.mark.parametrize("params", [{"page": "0"}, {"per_page": "1000"}, {"sort": "name"}, {"cursor": "x"}])
def test_what_is_wrong_is_named(org: Organization, params: dict[str, str]) -> None:
    refused = org.client.get("/v1/mcps", params)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", set(params))
