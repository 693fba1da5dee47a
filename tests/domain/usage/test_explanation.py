"""The explanation of a use names every rule, in the order in which the decision evaluates them."""

import re
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from domain.grants import Grant
from domain.keys.decider import KEY
from domain.keys.events import KeyEvent
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.state import Existing
from domain.organization_status import OrganizationStatus
from domain.usage.decision import LIMITS, RULES, AccessRequest, McpFacts, RuleName, ask, decide
from domain.usage.events import Code, Denial, KeyUsed
from domain.usage.explanation import ORDER, Explanation, code_now, explain, question_of
from tests.domain.sample import CREATED, DISABLED, EXPIRED, KEY_ID, LIVE_MCP, ORGANIZATION_ID, REVOKED, at
from tests.domain.usage.test_decision import FIRST

PERMISSIONS = Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(allow=("get_*",))}, manage=("keys:read",))
KEY_CREATED = replace(CREATED, permissions=PERMISSIONS, allowed_ips=("10.0.0.0/8",))
OPEN = McpFacts(LIVE_MCP, ORGANIZATION_ID, "live")


def _state(*events: KeyEvent) -> Existing:
    state = KEY.fold([KEY_CREATED, *events])
    assert state is not None
    return state


def _use(code: Code, **fields: object) -> KeyUsed:
    use = KeyUsed(
        id="evt_1",
        occurred_at=at(70),
        action="call",
        code=code,
        organization_id=ORGANIZATION_ID,
        key_id=KEY_ID,
        revision=1,
        secret_version=1,
        mcp_id=LIVE_MCP,
        tool="get_user",
        ip="10.0.0.1",
    )
    return replace(use, **fields)


def _decided(explanation: Explanation) -> RuleName | None:
    """Return the rule that decided. The rules before it passed, and those after it were not reached."""
    outcomes = [step.outcome for step in explanation.steps]
    if "decided" not in outcomes:
        assert set(outcomes) == {"passed"}
        return None
    place = outcomes.index("decided")
    assert outcomes == ["passed"] * place + ["decided"] + ["not_reached"] * (len(ORDER) - place - 1)
    return explanation.steps[place].rule


def test_the_documentation_lists_the_rules_in_their_order() -> None:
    page = (Path(__file__).parents[3] / "docs/activity.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \| `", page, re.MULTILINE) == list(ORDER)


def test_every_rule_has_one_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(get_args(RuleName))
    assert [step.rule for step in explain(_use("valid"), None).steps] == list(ORDER)


@pytest.mark.parametrize(
    ("code", "fields", "events", "mcp", "rule"),
    [
        ("valid", {}, [], OPEN, None),
        ("revoked_key", {}, [REVOKED], OPEN, "key_state"),
        ("expired_key", {}, [EXPIRED], OPEN, "key_state"),
        ("revoked_key", {"secret_version": None}, [], OPEN, "secret_valid"),
        ("disabled_key", {}, [DISABLED], OPEN, "key_enabled"),
        ("ip_not_permitted", {"ip": "11.0.0.1"}, [], OPEN, "ip_address"),
        ("forbidden", {"action": "manage", "mcp_id": None, "tool": None}, [], None, "grant"),
        ("not_found", {}, [], None, "mcp_known"),
        ("mcp_not_permitted", {"action": "check"}, [], None, "mcp_known"),
        ("mcp_not_permitted", {}, [], replace(OPEN, active=False), "mcp_active"),
        ("mcp_not_permitted", {}, [], replace(OPEN, id=KEY_ID), "mcp_allowed"),
        ("tool_not_permitted", {"tool": "list"}, [], OPEN, "tool"),
        ("quota_exceeded", {}, [], OPEN, "monthly_quota"),
        ("rate_limited", {}, [], OPEN, "rate_limit"),
        ("invalid_request", {}, [], OPEN, "request"),
    ],
)
def test_the_rule_that_decided_is_named(
    code: Code, fields: dict[str, object], events: list[KeyEvent], mcp: McpFacts | None, rule: RuleName | None
) -> None:
    use = _use(code, **fields)
    explanation = explain(use, question_of(use, _state(*events), mcp, at(70)))
    assert (_decided(explanation), explanation.agrees) == (rule, True)


def test_a_key_that_expired_before_the_event_is_explained_by_its_expiry() -> None:
    use = _use("expired_key")
    state = KEY.fold([replace(KEY_CREATED, expires_at=at(60))])
    assert state is not None
    assert _decided(explain(use, question_of(use, state, OPEN, at(70)))) == "key_expiry"


def test_another_environment_is_named() -> None:
    state = KEY.fold([replace(KEY_CREATED, permissions=Permissions(mcps="*"))])
    assert state is not None
    use = _use("environment_mismatch")
    explanation = explain(use, question_of(use, state, replace(OPEN, environment="test"), at(70)))
    assert (_decided(explanation), explanation.agrees) == ("environment", True)


@pytest.mark.parametrize(("status", "code"), [("deleted", "disabled_key"), ("erased", "revoked_key")])
def test_a_deleted_organization_is_named(status: OrganizationStatus, code: Code) -> None:
    use = _use(code)
    explanation = explain(use, question_of(use, _state(), OPEN, at(70), organization=status))
    assert (_decided(explanation), explanation.agrees) == ("organization", True)
    assert code_now(question_of(use, _state(), OPEN, at(70), organization=status)) == code
    disabled = _use("disabled_key")
    explanation = explain(disabled, question_of(disabled, _state(DISABLED), OPEN, at(70), organization=status))
    assert _decided(explanation) == "key_enabled", "the state of the key is compared before that of the organization"


def test_an_unknown_secret_is_explained_without_a_key() -> None:
    explanation = explain(_use("unauthorized", key_id=None), None)
    assert (_decided(explanation), explanation.agrees) == ("secret_known", True)


def test_a_secret_that_the_use_of_a_newer_one_ended_is_named() -> None:
    use = _use("revoked_key")
    explanation = explain(use, question_of(use, _state(), OPEN, at(70), used_version=2))
    assert (_decided(explanation), explanation.agrees) == ("secret_valid", True)


@pytest.mark.parametrize("code", ["valid", "tool_not_permitted", "disabled_key"])
def test_a_record_that_the_rules_do_not_lead_to_is_reported(code: Code) -> None:
    use = _use(code, ip="11.0.0.1")
    explanation = explain(use, question_of(use, _state(), OPEN, at(70)))
    assert (_decided(explanation), explanation.agrees) == ("ip_address", False)


def test_every_denial_is_the_code_of_a_rule_or_a_limit() -> None:
    """A new code needs a rule in the one declared order, or no explanation could name it."""
    explained = {"unauthorized", *(limit.code for limit in LIMITS)}
    states = [_state(), _state(DISABLED), _state(REVOKED), _state(EXPIRED)]
    grants: list[Grant | None] = [None, "audit:read"]
    mcps = [None, OPEN, replace(OPEN, active=False), replace(OPEN, environment="test", id=KEY_ID)]
    everywhere = KEY.fold([replace(KEY_CREATED, permissions=Permissions(mcps="*"))])
    assert everywhere is not None
    for state, grant, mcp, tool, ip in product([*states, everywhere], grants, mcps, ["list"], ["10.0.0.1", "11.0.0.1"]):
        presented = AccessRequest(FIRST, "call", mcp_id=LIVE_MCP, tool=tool, ip=ip, grant=grant)
        question = ask(presented, state, mcp, at(70))
        denials = [denied for rule in RULES if (denied := rule.denial(question)) is not None]
        explained.update(denials)
        assert decide(presented, state, mcp, at(70)).code == next(iter(denials), "valid"), "the first denial decides"
    assert explained == set(get_args(Denial))


def test_the_code_now_is_that_of_the_current_state() -> None:
    use = _use("ip_not_permitted", ip="11.0.0.1")
    assert code_now(question_of(use, _state(), OPEN, at(70))) == "ip_not_permitted"
    assert code_now(question_of(use, _state(DISABLED), OPEN, at(70))) == "disabled_key"
    opened = KEY.fold([replace(KEY_CREATED, allowed_ips=())])
    assert opened is not None
    assert code_now(question_of(use, opened, OPEN, at(70))) == "valid"


def test_the_question_presents_the_secret_that_was_recorded() -> None:
    assert question_of(_use("valid"), _state(), OPEN, at(0)).presented.digest == FIRST
