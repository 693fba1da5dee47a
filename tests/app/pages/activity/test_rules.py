"""The rules of a decision in words: each has a sentence and the value that it saw."""

import re
from collections.abc import Mapping

import pytest
from msgspec import structs

from app.api.activity.decision import USE_EXAMPLE, DecisionExplanation, RuleResult, Use
from app.pages.activity.rules import refusal_of, rule_rows
from domain.usage.decision import RuleName
from domain.usage.explanation import ORDER

RAW_ID = re.compile(r"\b(key|mcp|evt|org|user)_[0-9a-z]{26}\b")


def decided_by(rule: RuleName, *, agrees: bool = True, values: Mapping[str, object] | None = None) -> Use:
    """Return a use that `rule` refused."""
    at = ORDER.index(rule)
    results = [
        *[RuleResult(each, "passed", {}) for each in ORDER[:at]],
        RuleResult(rule, "decided", dict(values or {})),
        *[RuleResult(each, "not_reached", {}) for each in ORDER[at + 1 :]],
    ]
    return structs.replace(USE_EXAMPLE, explanation=DecisionExplanation(results, agrees=agrees))


@pytest.mark.parametrize("rule", ORDER)
def test_each_rule_is_told_without_ids_and_in_its_place(rule: RuleName) -> None:
    use = decided_by(rule)
    sentence = refusal_of(use)
    assert sentence.endswith(".")
    assert not RAW_ID.search(sentence)
    rows = rule_rows(use)
    assert [row.glyph for row in rows].count("✗") == 1
    assert rows[ORDER.index(rule)].outcome == "Decided"
    assert {row.outcome for row in rows[ORDER.index(rule) + 1 :]} <= {"Not reached"}
    assert all(not row.saw for row in rows[ORDER.index(rule) + 1 :]), "a rule that was not reached saw nothing"


@pytest.mark.parametrize(
    ("rule", "values", "sentence", "saw"),
    [
        (
            "key_expiry",
            {"expires_at": "2026-11-28T12:00:00Z"},
            "the key expired on 28 Nov 2026, 12:00:00 UTC.",
            "Expires on 28 Nov 2026, 12:00:00 UTC",
        ),
        (
            "secret_valid",
            {"version": 1, "valid_until": "2026-11-28T12:00:00Z"},
            "a rotation had replaced version 1 of the secret.",
            "Version 1, valid until 28 Nov 2026, 12:00:00 UTC",
        ),
        (
            "ip_address",
            {"ip": "192.0.2.7", "allowed_ips": ["10.0.0.0/8", "2001:db8::/32"]},
            "IP address 192.0.2.7 isn't on the key's allowlist.",
            "192.0.2.7; allowed: 10.0.0.0/8 and 2001:db8::/32",
        ),
        ("mcp_active", {"active": False}, "Wiki was deactivated.", "Wiki: deactivated"),
        ("mcp_allowed", {"mcps": ["a", "b"]}, "the key may not use Wiki.", "2 selected servers"),
        (
            "environment",
            {"key": "test", "mcp_server": "live"},
            "a test key can't use Wiki, which is a live server.",
            "Key: test; Wiki: live",
        ),
        (
            "tool",
            {"tool": "get_page", "pattern": "get_*"},
            "the key may not call get_page on Wiki, because of the pattern get_*.",
            "get_page, matched by get_*",
        ),
        ("rate_limit", {"per_second": 5}, "there were more requests per second than allowed.", "At most 5 per second"),
    ],
)
def test_a_refusal_has_the_value_that_the_rule_saw(
    rule: RuleName, values: dict[str, object], sentence: str, saw: str
) -> None:
    use = decided_by(rule, values=values)
    assert refusal_of(use) == sentence
    assert rule_rows(use)[ORDER.index(rule)].saw == saw


def test_the_recorded_reason_stands_if_the_rules_disagree() -> None:
    assert refusal_of(decided_by("ip_address", agrees=False)) == "Tool not permitted."
