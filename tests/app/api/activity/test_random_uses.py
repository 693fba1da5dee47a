"""Random uses of random keys, over HTTP and out of the log: the explanation of each agrees with what was recorded.

`tests/domain/usage/test_explained_uses.py` has the same property for very many uses in memory.
"""

import random
from typing import Any

import pytest

from domain.keys.permissions import Permissions
from domain.usage.decision import LIMITS, RuleName
from domain.usage.events import Code
from domain.usage.explanation import ORDER
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.app.random_changes import change_something, some_keys, some_servers
from tests.random_input import random_seed

STEPS = 100
ADDRESSES = ("10.0.0.1", "192.0.2.7", "2001:db8::1")
TOOLS: tuple[dict[str, str], ...] = ({}, {"tool": "get_user"}, {"tool": "list"})

CODES: dict[RuleName, set[Code]] = {
    "secret_known": {"unauthorized"},
    "key_state": {"revoked_key", "expired_key"},
    "key_expiry": {"expired_key"},
    "secret_valid": {"revoked_key"},
    "key_enabled": {"disabled_key"},
    "ip_address": {"ip_not_permitted"},
    "grant": {"forbidden"},
    "mcp_known": {"not_found", "mcp_not_permitted"},
    "mcp_active": {"mcp_not_permitted"},
    "mcp_allowed": {"mcp_not_permitted"},
    "environment": {"environment_mismatch"},
    "tool": {"tool_not_permitted"},
    **{limit.name: {limit.code} for limit in LIMITS},
}
"""The codes of the rules that can deny a use of an organization that is not deleted."""


def _verified(dice: random.Random, org: Organization, keys: list[Key], servers: list[str]) -> tuple[str, Code]:
    """Verify a random key for a random purpose, and return the id of the use and the code of the answer."""
    secret = unknown_secret() if dice.random() < 0.05 else dice.choice(keys).secret
    asked: dict[str, object] = {"ip": dice.choice(ADDRESSES)}
    if dice.random() < 0.8:
        asked |= {"mcp_id": dice.choice(servers), **dice.choice(TOOLS)}
    answer = org.verify(secret, **asked)
    return answer["event_id"], answer["code"]


def _use(org: Organization, event_id: str) -> Any:  # noqa: ANN401 -- JSON
    return org.client.get(f"/v1/activity/{event_id}").data


def _assert_explained(use: Any, code: Code) -> None:  # noqa: ANN401 -- JSON
    """Fail unless the recorded use has this code, and its explanation agrees and names a rule with this code."""
    rules = use["explanation"]["rules"]
    assert (use["code"], use["explanation"]["agrees"]) == (code, True), use
    assert tuple(rule["rule"] for rule in rules) == ORDER
    outcomes = [rule["outcome"] for rule in rules]
    place = outcomes.index("decided") if "decided" in outcomes else len(ORDER)
    assert outcomes == (["passed"] * place + ["decided"] + ["not_reached"] * len(ORDER))[: len(ORDER)]
    assert (code == "valid") if place == len(ORDER) else (code in CODES[ORDER[place]]), use


def test_the_explanation_of_every_recorded_use_agrees_with_the_answer(api: Api, org: Organization) -> None:
    dice = random.Random(random_seed())  # noqa: S311 -- no secret
    servers = [*some_servers(org), api.organization().mcp()]
    keys = some_keys(dice, org, servers[:-1])
    answers: dict[str, Code] = {}
    for _ in range(STEPS):
        if dice.random() < 0.25:
            change_something(dice, org, keys, servers[:-1])
        else:
            event_id, code = _verified(dice, org, keys, servers)
            answers[event_id] = code
    assert len(set(answers.values())) >= 6, "too few reasons to prove anything"
    for event_id, code in answers.items():
        _assert_explained(_use(org, event_id), code)


@pytest.mark.parametrize("is_checked", [True, False], ids=["check", "manage"])
def test_the_explanation_of_every_request_with_a_key_agrees_with_the_record(
    org: Organization, *, is_checked: bool
) -> None:
    """A reverse proxy and a management route answer with a status, so the code is that of the list of uses."""
    dice = random.Random(random_seed())  # noqa: S311 -- no secret
    servers = some_servers(org)
    keys = some_keys(dice, org, servers)
    keys += [org.seeded_key(permissions=Permissions(manage=("keys:read",))) for _ in range(2)]
    for _ in range(40):
        key = dice.choice(keys)
        if dice.random() < 0.2:
            change_something(dice, org, keys, servers)
        path = f"{key.check_path}&mcp_id={dice.choice(servers)}" if is_checked else "/v1/api-keys"
        key.client.get(path)
    action = "check" if is_checked else "manage"
    uses = {use["id"]: use for key in keys for use in org.activity(key, action=action, per_page=100)}
    assert len(uses) == 40
    for event_id, use in uses.items():
        _assert_explained(_use(org, event_id), use.get("reason", "valid"))
