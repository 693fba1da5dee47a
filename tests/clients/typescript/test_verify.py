"""Verification of keys by the TypeScript client."""

import pytest

from tests.app.organizations import Organization, unknown_secret
from tests.clients.flaky_proxy import FlakyProxy, refusal
from tests.clients.typescript.conftest import CallFailed, Evaluate

_VERIFY = "return await client.verify(given.secret, given.question);"


def test_a_valid_key_is_accepted(org: Organization, evaluate: Evaluate) -> None:
    key = org.key()
    answer = evaluate(_VERIFY, secret=key.secret)
    assert (answer["valid"], answer["code"], answer["key_id"]) == (True, "valid", key.id)


def test_a_revoked_key_is_refused_immediately(org: Organization, evaluate: Evaluate) -> None:
    key = org.key()
    assert evaluate(_VERIFY, secret=key.secret)["valid"]
    org.client.delete(key.path)
    answer = evaluate(_VERIFY, secret=key.secret)
    assert (answer["valid"], answer["code"]) == (False, "revoked_key")


def test_an_unknown_key_is_refused(evaluate: Evaluate) -> None:
    answer = evaluate(_VERIFY, secret=unknown_secret())
    assert (answer["valid"], answer["code"]) == (False, "unauthorized")


@pytest.mark.parametrize("secret", ["", "nonsense", "pk_live_0000", "pk_live_" + "0" * 32, "x" * 256])
def test_a_text_that_is_not_formed_like_a_key_is_refused_without_a_request(
    evaluate: Evaluate, proxy: FlakyProxy, secret: str
) -> None:
    assert evaluate(_VERIFY, url=proxy.url, secret=secret) == {"valid": False, "code": "unauthorized"}
    assert proxy.requests == []


def test_the_mcp_server_the_tool_and_the_caller_are_part_of_the_decision(org: Organization, evaluate: Evaluate) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    key = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}}, allowed_ips=["10.0.0.0/8"])
    questions = {
        "valid": {"mcp_id": mcp_id, "tool": "get_file", "ip": "10.1.2.3", "user_agent": "Agent/1"},
        "tool_not_permitted": {"mcp_id": mcp_id, "tool": "delete_file", "ip": "10.1.2.3"},
        "mcp_not_permitted": {"mcp_id": other, "ip": "10.1.2.3"},
        "ip_not_permitted": {"ip": "192.0.2.1"},
    }
    for code, question in questions.items():
        assert evaluate(_VERIFY, secret=key.secret, question=question)["code"] == code
    accepted = next(use for use in org.activity(key, type="api_key.used") if use["status"] != "denied")
    assert (accepted["ip"], accepted["user_agent"], accepted["tool"]) == ("10.1.2.3", "Agent/1", "get_file")


def test_a_secret_of_a_created_key_can_be_verified_as_it_is(evaluate: Evaluate) -> None:
    code = 'return await client.verify((await client.keys.create({ name: "Agent" })).key);'
    assert evaluate(code)["valid"]


@pytest.mark.parametrize(
    "body",
    ["<html>", "{}", '{"data": 3}', '{"data": {"valid": "maybe", "code": "valid"}}', '{"data": {"valid": true}}'],
)
def test_a_response_without_a_decision_is_an_error(evaluate: Evaluate, proxy: FlakyProxy, body: str) -> None:
    proxy.actions = [refusal(200, body=body)]
    with pytest.raises(CallFailed) as failed:
        evaluate(_VERIFY, url=proxy.url, secret=unknown_secret())
    assert failed.value.error["name"] == "UnexpectedAnswer"
