"""DELETE /v1/mcps/{id}"""

from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization


def test_a_deleted_mcp_is_not_found_immediately(api: Api, org: Organization) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "x")
    key = org.key(permissions={"mcps": [mcp_id]})
    assert org.verify(key.secret, mcp_id=mcp_id)["valid"] is True
    answer = org.client.delete(f"/v1/mcps/{mcp_id}")
    assert (answer.status, answer.data) == (200, {"deleted": True, "mcp_id": mcp_id})
    assert answer.headers["x-revision"] == "2"
    assert org.verify(key.secret, mcp_id=mcp_id)["code"] == "not_found"
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 404
    assert api.events_of(mcp_id) == ["mcp.created", "mcp.deleted"]


def test_the_credential_of_a_deleted_mcp_is_removed(api: Api, org: Organization) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "x")
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert api.database.rows("select 1 from mcp_credentials where mcp_id = %s", mcp_id) == []


def test_a_second_deletion_is_not_found(org: Organization) -> None:
    path = f"/v1/mcps/{org.mcp()}"
    assert [org.client.delete(path).status for _ in range(2)] == [200, 404]


def test_a_key_that_lists_a_deleted_mcp_can_still_be_managed(org: Organization) -> None:
    mcp_id = org.mcp()
    key = org.key(permissions={"mcps": [mcp_id]})
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert org.client.patch(key.path, {"name": "Renamed"}).status == 200
    assert org.client.post(f"{key.path}/rotate").status == 200
    refused = org.client.post("/v1/api-keys", {"name": "New", "permissions": {"mcps": [mcp_id]}})
    assert set(refused.details) == {"permissions.mcps"}


def test_an_old_revision_is_refused(org: Organization) -> None:
    path = f"/v1/mcps/{org.mcp()}"
    assert org.client.delete(path, if_match='"7"').code == "revision_mismatch"
    assert org.client.delete(path, if_match='"1"').status == 200


def test_an_unknown_field_is_named(org: Organization) -> None:
    assert org.client.delete(f"/v1/mcps/{org.mcp()}", {"force": True}).details == {"force": "Unknown field"}
