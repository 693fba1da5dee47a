"""The rules of a decision in words: what each requires, the value it saw, and the refusal by it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.api.activity.decision import RuleResult, Use
from app.pages.charts.wording import listed
from app.pages.parts.activity_table import reason_text
from app.pages.wording.text import instant, plural
from app.pages.wording.words import DELETED_SERVER, STATUSES
from domain.usage.decision import RuleName
from domain.usage.explanation import Outcome

_Values = Mapping[str, Any]

_OUTCOMES: Mapping[Outcome, tuple[str, Literal["ok", "danger", "muted"], str]] = {
    "passed": ("Passed", "ok", "✓"),
    "decided": ("Decided", "danger", "✗"),
    "not_reached": ("Not reached", "muted", "–"),  # noqa: RUF001 -- a dash that is as wide as the other signs
}


class RuleRow(NamedTuple):
    """A rule with its outcome in words. `saw`: the value that it compared, empty if it did not concern the use."""

    requires: str
    saw: str
    outcome: str
    tone: Literal["ok", "danger", "muted"]
    glyph: str


class _Rule(NamedTuple):
    """`refused` completes "Refused: …". `saw` gets the values of the rule."""

    requires: str
    refused: Callable[[Use, _Values], str]
    saw: Callable[[Use, _Values], str]


def rule_rows(use: Use) -> list[RuleRow]:
    """Return the rules in the order of evaluation."""
    return [_row(use, result) for result in use.explanation.rules]


def refusal_of(use: Use) -> str:
    """Return why the use was refused, as the end of a sentence. The recorded reason is kept if the rules disagree."""
    decided = next((result for result in use.explanation.rules if result.outcome == "decided"), None)
    if decided is None or not use.explanation.agrees:
        return f"{reason_text(use.code)}."
    return _RULES[decided.rule].refused(use, decided.values)


def _row(use: Use, result: RuleResult) -> RuleRow:
    rule = _RULES[result.rule]
    saw = "" if result.outcome == "not_reached" else rule.saw(use, result.values)
    return RuleRow(rule.requires, saw, *_OUTCOMES[result.outcome])


def _nothing(_use: Use, _values: _Values) -> str:
    return ""


def _says(text: str) -> Callable[[Use, _Values], str]:
    return lambda _use, _values: text


def _server(use: Use) -> str:
    return str(use.mcp_name or DELETED_SERVER)


def _at(values: _Values, name: str) -> str:
    """Return the instant of a value, or an empty text."""
    given = values.get(name)
    return instant(datetime.fromisoformat(given)) if isinstance(given, str) else ""


def _status(_use: Use, values: _Values) -> str:
    return STATUSES.get(str(values.get("status", "")).lower(), "")


def _expiry(_use: Use, values: _Values) -> str:
    at = _at(values, "expires_at")
    return f"Expires on {at}" if at else "Never expires"


def _expired(_use: Use, values: _Values) -> str:
    return f"the key expired on {_at(values, 'expires_at')}."


def _ended(use: Use, _values: _Values) -> str:
    return "the key had been revoked." if use.code == "revoked_key" else "the key had expired."


def _secret(_use: Use, values: _Values) -> str:
    if "version" not in values:
        return ""
    until = _at(values, "valid_until")
    return f"Version {values['version']}" + (f", valid until {until}" if until else "")


def _replaced(use: Use, _values: _Values) -> str:
    version = f"version {use.secret_version} of the secret" if use.secret_version else "the secret"
    return f"a rotation had replaced {version}."


def _address(use: Use, values: _Values) -> str:
    allowed: list[str] = values.get("allowed_ips") or []
    return f"{use.ip or 'Unknown address'}; allowed: {listed(allowed) if allowed else 'any address'}"


def _address_refused(use: Use, _values: _Values) -> str:
    return f"IP address {use.ip} isn't on the key's allowlist." if use.ip else "the IP address is unknown."


def _grants(_use: Use, values: _Values) -> str:
    return "" if "manage" not in values else f"Grants: {listed(list(values['manage'])) if values['manage'] else 'none'}"


def _named_server(use: Use, values: _Values) -> str:
    return _server(use) if values.get("mcp_id") else "No server was named"


def _active(use: Use, values: _Values) -> str:
    return "" if "active" not in values else f"{_server(use)}: {'active' if values['active'] else 'deactivated'}"


def _allowed(_use: Use, values: _Values) -> str:
    if "mcps" not in values:
        return ""
    return "All servers" if values["mcps"] == "*" else plural(len(values["mcps"]), "selected server")


def _deactivated(use: Use, _values: _Values) -> str:
    return f"{_server(use)} was deactivated."


def _not_allowed(use: Use, _values: _Values) -> str:
    return f"the key may not use {_server(use)}."


def _environments(use: Use, values: _Values) -> str:
    return "" if "key" not in values else f"Key: {values['key']}; {_server(use)}: {values['mcp_server']}"


def _environments_differ(use: Use, values: _Values) -> str:
    return f"a {values.get('key')} key can't use {_server(use)}, which is a {values.get('mcp_server')} server."


def _tool(_use: Use, values: _Values) -> str:
    if "tool" not in values:
        return "No tool was named"
    pattern = values.get("pattern")
    return str(values["tool"]) + (f", matched by {pattern}" if pattern else "")


def _tool_refused(use: Use, values: _Values) -> str:
    pattern = values.get("pattern")
    because = f", because of the pattern {pattern}" if pattern else ""
    return f"the key may not call {use.tool} on {_server(use)}{because}."


def _rate(_use: Use, values: _Values) -> str:
    return f"At most {values['per_second']} per second" if "per_second" in values else "The limit of the organization"


_RULES: Mapping[RuleName, _Rule] = {
    "secret_known": _Rule("The secret belongs to a key", _says("no key has this secret."), _nothing),
    "key_state": _Rule("The key is neither revoked nor expired", _ended, _status),
    "key_expiry": _Rule("The expiry date has not passed", _expired, _expiry),
    "secret_valid": _Rule("The secret is still valid", _replaced, _secret),
    "key_enabled": _Rule("The key is enabled", _says("the key was disabled."), _status),
    "organization": _Rule("The organization is not deleted", _says("the organization had been deleted."), _nothing),
    "ip_address": _Rule("The IP address is allowed", _address_refused, _address),
    "grant": _Rule(
        "The key has the management grant", _says("the key doesn't have the grant that the request requires."), _grants
    ),
    "mcp_known": _Rule("The MCP server exists", _says("the organization has no such MCP server."), _named_server),
    "mcp_active": _Rule("The MCP server is active", _deactivated, _active),
    "mcp_allowed": _Rule("The key may use the MCP server", _not_allowed, _allowed),
    "environment": _Rule("The environments are the same", _environments_differ, _environments),
    "tool": _Rule("The key may call the tool", _tool_refused, _tool),
    "monthly_quota": _Rule(
        "Requests of the month are left", _says("the requests of the month had been used up."), _nothing
    ),
    "rate_limit": _Rule(
        "The requests per second are below the limit", _says("there were more requests per second than allowed."), _rate
    ),
    "request": _Rule("The request itself is valid", _says("the request itself was not valid."), _nothing),
}
