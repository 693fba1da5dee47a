"""PATCH /v1/mcps/{id}"""

from typing import Any

import pytest

from tests.app.api.mcp.conftest import StartUpstream
from tests.app.api.mcps.test_create import BODY, CREDENTIALS, MCP, TOKEN
from tests.app.client import Response, concurrently
from tests.app.leak_scan import UPSTREAM_MARK
from tests.app.organizations import Api, Organization


def change(org: Organization, mcp_id: str, **fields: object) -> Response:
    return org.client.patch(f"/v1/mcps/{mcp_id}", fields)


def detail(org: Organization, mcp_id: str) -> Any:  # noqa: ANN401 -- JSON
    return org.client.get(f"/v1/mcps/{mcp_id}").data


def reachable(org: Organization, mcp_id: str) -> bool:
    found: bool = org.client.post(f"/v1/mcps/{mcp_id}/test").data["reachable"]
    return found


def sealed(api: Api, mcp_id: str) -> list[bytes]:
    return [bytes(row[0]) for row in api.database.rows("select sealed from mcp_credentials where mcp_id = %s", mcp_id)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Renamed"),
        ("description", "What it is for"),
        ("endpoint_url", "https://mcp.example.com/v2"),
        ("environment", "test"),
        ("status", "inactive"),
        ("health_checks", False),
    ],
)
def test_a_change_of_one_field_changes_no_other_field(api: Api, org: Organization, field: str, value: object) -> None:
    mcp_id = org.mcp()
    before = detail(org, mcp_id)
    answer = change(org, mcp_id, **{field: value})
    assert (answer.status, set(answer.data)) == (200, MCP)
    assert (answer.headers["x-revision"], answer.headers["etag"]) == ("2", '"2"')
    after = detail(org, mcp_id)
    assert after["updated_at"] > before["updated_at"] == before["created_at"]
    assert after == before | {field: value, "revision": 2, "updated_at": after["updated_at"]}
    assert answer.data == {name: after[name] for name in MCP}
    assert len(api.events_of(mcp_id)) == 2


def test_a_change_to_the_same_value_stores_no_event(api: Api, org: Organization) -> None:
    mcp_id = org.mcp()
    assert change(org, mcp_id, name="Files", status="active").headers["x-revision"] == "1"
    assert change(org, mcp_id).status == 200
    assert api.events_of(mcp_id) == ["mcp.created"]


def test_null_clears_the_description(org: Organization) -> None:
    mcp_id = org.mcp(description="x")
    assert change(org, mcp_id, description=None).data["description"] == ""


def test_every_change_stores_an_event(api: Api, org: Organization) -> None:
    mcp_id = org.mcp()
    change(org, mcp_id, environment="test", status="inactive")
    change(org, mcp_id, status="active")
    assert api.events_of(mcp_id) == ["mcp.created", "mcp.updated", "mcp.deactivated", "mcp.activated"]


def test_a_changed_environment_applies_to_keys_immediately(org: Organization) -> None:
    mcp_id = org.mcp(environment="test")
    key = org.key(permissions={"mcps": "*"})
    assert org.verify(key.secret, mcp_id=mcp_id)["code"] == "environment_mismatch"
    change(org, mcp_id, environment="live")
    assert org.verify(key.secret, mcp_id=mcp_id)["code"] == "valid"


def test_an_old_revision_is_refused(org: Organization) -> None:
    path = f"/v1/mcps/{org.mcp()}"
    org.client.patch(path, {"name": "Renamed"})
    assert org.client.patch(path, {"name": "Again"}, if_match='"1"').code == "revision_mismatch"
    assert org.client.patch(path, {"name": "Again"}, if_match='"2"').status == 200


def test_concurrent_changes_succeed_or_conflict(api: Api, org: Organization) -> None:
    mcp_id = org.mcp()
    answers = concurrently(range(6), lambda number: change(org, mcp_id, name=f"Name {number}"))
    made = [answer for answer in answers if answer.status == 200]
    assert {answer.code for answer in answers if answer.status != 200} <= {"conflict"}
    assert len(api.events_of(mcp_id)) == 1 + len(made)
    assert detail(org, mcp_id)["revision"] == 1 + len(made)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"endpoint_url": "https://10.0.0.1/mcp"}, "endpoint_url"),
        ({"endpoint_url": "https://[x"}, "endpoint_url"),
        ({"endpoint_url": "https://other.example/mcp"}, "endpoint_url"),
        ({"environment": "staging"}, "environment"),
        ({"environment": None}, "environment"),
        ({"status": "deleted"}, "status"),
        ({"status": None}, "status"),
        ({"auth_type": "basic"}, "auth_username auth_password"),
        ({"auth_type": "basic", "auth_username": "u"}, "auth_password"),
        ({"auth_type": "api_key"}, "auth_token"),
        ({"auth_type": "api_key", "auth_token": "t", "auth_header": "Host"}, "auth_header"),
        ({"auth_type": "none", "auth_token": "t"}, "auth_token"),
        ({"auth_token": "a\r\nX-Evil: 1"}, "auth_token"),
        ({"auth_password": "p"}, "auth_password"),
        ({"id": "x"}, "id"),
    ],
)
def test_an_invalid_field_is_named_and_changes_nothing(
    api: Api, org: Organization, body: dict[str, object], field: str
) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=TOKEN)
    before = sealed(api, mcp_id)
    refused = org.client.patch(f"/v1/mcps/{mcp_id}", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert set(refused.details) == set(field.split())
    assert (api.events_of(mcp_id), sealed(api, mcp_id)) == (["mcp.created"], before)


def test_an_unknown_mcp_and_another_organizations_mcp_get_the_same_404(api: Api, org: Organization) -> None:
    foreign = change(org, api.organization().mcp(), name="Mine")
    absent = change(org, "mcp_" + "0" * 26, name="Mine")
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id


def test_a_deleted_mcp_cannot_be_changed(org: Organization) -> None:
    mcp_id = org.mcp()
    org.client.delete(f"/v1/mcps/{mcp_id}")
    assert change(org, mcp_id, status="active").status == 404


@pytest.mark.parametrize("auth_type", CREDENTIALS)
def test_an_omitted_credential_is_kept(api: Api, org: Organization, auth_type: str) -> None:
    mcp_id = org.client.post("/v1/mcps", {**BODY, "auth_type": auth_type, **CREDENTIALS[auth_type]}).data["id"]
    before = sealed(api, mcp_id)
    answer = change(org, mcp_id, name="Renamed", auth_type=auth_type, status="inactive")
    assert (answer.status, answer.data["auth_type"]) == (200, auth_type)
    assert sealed(api, mcp_id) == before


@pytest.mark.parametrize("before", CREDENTIALS)
@pytest.mark.parametrize("after", CREDENTIALS)
def test_a_credential_is_replaced_completely_and_never_returned(
    api: Api, org: Organization, before: str, after: str
) -> None:
    mcp_id = org.client.post("/v1/mcps", {**BODY, "auth_type": before, **CREDENTIALS[before]}).data["id"]
    old = sealed(api, mcp_id)
    answer = change(org, mcp_id, auth_type=after, **CREDENTIALS[after])
    assert answer.data["auth_type"] == detail(org, mcp_id)["auth_type"] == after
    assert UPSTREAM_MARK not in answer.content.decode()
    new = sealed(api, mcp_id)
    assert len(new) == (after != "none")
    assert new != old or before == after == "none"


def test_calls_use_the_new_credential(org: Organization, start_upstream: StartUpstream) -> None:
    url = start_upstream("--require-bearer", TOKEN).url
    mcp_id = org.mcp(endpoint_url=url, auth_type="bearer", auth_token=UPSTREAM_MARK + "wrong")
    assert reachable(org, mcp_id) is False
    change(org, mcp_id, auth_token=TOKEN)
    assert reachable(org, mcp_id) is True
    change(org, mcp_id, name="Renamed")
    assert reachable(org, mcp_id) is True
    change(org, mcp_id, auth_type="none")
    assert reachable(org, mcp_id) is False


def test_a_part_of_a_credential_can_be_replaced(org: Organization, start_upstream: StartUpstream) -> None:
    url = start_upstream("--require-basic", "keyledger", TOKEN).url
    fields = {"auth_type": "basic", "auth_username": "keyledger", "auth_password": UPSTREAM_MARK + "wrong"}
    mcp_id = org.mcp(endpoint_url=url, **fields)
    assert reachable(org, mcp_id) is False
    change(org, mcp_id, auth_password=TOKEN)
    assert reachable(org, mcp_id) is True


def test_a_credential_is_not_sent_to_another_host_unless_given_again(org: Organization) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=TOKEN)
    assert set(change(org, mcp_id, endpoint_url="https://evil.example/mcp").details) == {"endpoint_url"}
    assert change(org, mcp_id, endpoint_url="https://mcp.example.com:8443/v2").status == 200
    assert change(org, mcp_id, endpoint_url="https://new.example/mcp", auth_token=TOKEN).status == 200
    assert change(org, mcp_id, endpoint_url="https://newer.example/mcp", auth_type="none").status == 200
    assert change(org, mcp_id, endpoint_url="https://newest.example/mcp").status == 200


def test_an_inactive_mcp_counts_towards_the_limit_of_the_plan(api: Api) -> None:
    org = api.organization("free")
    ids = [org.mcp() for _ in range(5)]
    change(org, ids[0], status="inactive")
    assert org.client.post("/v1/mcps", BODY).code == "mcp_limit_reached"
    assert change(org, ids[0], status="active").status == 200
