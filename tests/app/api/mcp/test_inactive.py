"""Inactive MCPs: every call after the response to the PATCH is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Organization


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def switch(calls: Calls, status: str) -> None:
    assert calls.org.client.patch(f"/v1/mcps/{calls.mcp_id}", {"status": status}).status == 200


def test_an_inactive_mcp_is_refused_immediately_and_works_again_when_active(calls: Calls) -> None:
    assert calls.add(1) == 2
    switch(calls, "inactive")
    refused = calls.invoke("add", {"numbers": [1]})
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")
    switch(calls, "active")
    assert calls.add(1) == 2
    assert [(use["status"], use.get("reason")) for use in calls.uses()] == [
        ("success", None),
        ("denied", "mcp_not_permitted"),
        ("success", None),
    ]


def test_verification_and_forward_auth_refuse_an_inactive_mcp(calls: Calls) -> None:
    switch(calls, "inactive")
    assert calls.org.verify(calls.key.secret, mcp_id=calls.mcp_id)["code"] == "mcp_not_permitted"
    refused = calls.key.client.get("/v1/auth/check", {"mcp_id": calls.mcp_id})
    assert (refused.status, refused.code) == (403, "mcp_not_permitted")
    assert calls.org.verify(calls.key.secret)["valid"] is True


def test_a_resource_of_an_inactive_mcp_is_refused(calls: Calls) -> None:
    switch(calls, "inactive")
    body = {"mcp_id": calls.mcp_id, "uri": "example://about"}
    assert calls.key.client.post("/v1/mcp/resources", body).code == "mcp_not_permitted"


def test_a_key_without_access_gets_the_same_refusal_for_an_inactive_mcp(calls: Calls) -> None:
    other = calls.org.key()
    before = calls.org.verify(other.secret, mcp_id=calls.mcp_id)
    switch(calls, "inactive")
    after = calls.org.verify(other.secret, mcp_id=calls.mcp_id)
    assert before["code"] == after["code"] == "mcp_not_permitted"


def test_a_new_key_can_have_access_to_an_inactive_mcp(calls: Calls) -> None:
    switch(calls, "inactive")
    assert calls.org.key(permissions={"mcps": [calls.mcp_id]}).id


def test_no_concurrent_call_is_accepted_after_the_response(calls: Calls) -> None:
    with ThreadPoolExecutor(8) as threads:
        early = [threads.submit(calls.invoke, "add", {"numbers": [1]}) for _ in range(40)]
        switch(calls, "inactive")
        late = [threads.submit(calls.invoke, "add", {"numbers": [1]}) for _ in range(20)]
        assert {answer.result().status for answer in early} <= {200, 403}
        assert {answer.result().code for answer in late} == {"mcp_not_permitted"}
