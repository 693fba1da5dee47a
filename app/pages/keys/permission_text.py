"""A sentence that describes what a key may call and manage.

Can call all GitHub and Jira tools, and Postgres tools that match `get_*` but not `delete_*`. Can't manage anything.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.api.api_keys.schemas import GrantedPermissions
from app.pages.wording.text import plural
from app.pages.wording.words import DELETED_SERVER, GRANTS
from domain.environment import Environment
from domain.keys.permissions import ToolRule

_NAMES_MAX = 6
_PATTERNS_MAX = 8
_WILDCARDS = frozenset("*?[")


class Text(NamedTuple):
    """A part of the sentence. Names of tools and patterns are code."""

    text: str
    is_code: bool = False


def permission_text(
    permissions: GrantedPermissions, names: Mapping[str, str], environment: Environment
) -> tuple[Text, ...]:
    """Return the parts of the sentence. `names` are those of the organization's MCP servers, by id."""
    return _joined([*_calls(permissions, names, environment), Text(" "), *_management(permissions)])


def plain(parts: Sequence[Text]) -> str:
    """Return the sentence with code in backticks."""
    return "".join(f"`{part.text}`" if part.is_code else part.text for part in parts)


def _calls(permissions: GrantedPermissions, names: Mapping[str, str], environment: Environment) -> list[Text]:
    rules = {mcp_id: rule for mcp_id, rule in permissions.tools.items() if rule.allow is not None or rule.deny}
    if permissions.mcps == "*":
        text = f"Can call all tools of all {environment} MCP servers, including servers added later"
        limits = [_limit(names[mcp_id], rule) for mcp_id, rule in rules.items() if mcp_id in names]
        listed = _listed(_shortened(limits, "more limited server"), "; ")
        return [Text(f"{text}, but "), *listed, Text(".")] if listed else [Text(f"{text}.")]
    whole = [names.get(mcp_id, DELETED_SERVER) for mcp_id in permissions.mcps if mcp_id not in rules]
    limited = [
        _limited(names.get(mcp_id, DELETED_SERVER), rules[mcp_id]) for mcp_id in permissions.mcps if mcp_id in rules
    ]
    parts = [[Text(_whole(whole))]] if whole else []
    parts += _shortened(limited, "more limited server")
    if not parts:
        return [Text("Can't call any tools.")]
    return [Text("Can call "), *_listed(parts, ", and " if whole and len(parts) == 2 else ", "), Text(".")]  # noqa: PLR2004


def _whole(names: list[str]) -> str:
    """Return the servers of which all tools are allowed."""
    shown = names if len(names) <= _NAMES_MAX else names[: _NAMES_MAX - 1]
    others = len(names) - len(shown)
    if others:
        return f"all tools of {', '.join(shown)} and {plural(others, 'other server')}"
    return f"all {_enumerated(shown, 'and')} tools"


def _limited(name: str, rule: ToolRule) -> list[Text]:
    """Return the tools of a server to which a rule applies: "Postgres tools that match `get_*`"."""
    if rule.allow is None:
        return [Text(f"all {name} tools except "), *_matching(rule.deny)]
    if not rule.allow:
        return [Text(f"no {name} tools")]
    plain_names = all(_WILDCARDS.isdisjoint(pattern) for pattern in rule.allow)
    allowed = [Text(f"the {name} {'tool' if len(rule.allow) == 1 else 'tools'} "), *_patterns(rule.allow, "and")]
    if not plain_names:
        allowed = [Text(f"{name} tools that match "), *_patterns(rule.allow, "or")]
    return allowed if not rule.deny else [*allowed, Text(" but not "), *_patterns(rule.deny, "or")]


def _limit(name: str, rule: ToolRule) -> list[Text]:
    """Return the limit of one server of all: "on Postgres only tools that match `get_*`"."""
    limited = _limited("", rule)
    text = limited[0].text.replace("  ", " ").removeprefix("the ").removeprefix(" ")
    only = "" if rule.allow is None or not rule.allow else "only "
    return [Text(f"on {name} {only}{text}"), *limited[1:]]


def _matching(patterns: Sequence[str]) -> list[Text]:
    if all(_WILDCARDS.isdisjoint(pattern) for pattern in patterns):
        return _patterns(patterns, "and")
    return [Text("those that match "), *_patterns(patterns, "or")]


def _patterns(patterns: Sequence[str], conjunction: str) -> list[Text]:
    shown = list(patterns) if len(patterns) <= _PATTERNS_MAX else list(patterns[: _PATTERNS_MAX - 1])
    items = [[Text(pattern, is_code=True)] for pattern in shown]
    if others := len(patterns) - len(shown):
        items.append([Text(plural(others, "other"))])
    return _listed(items, ", ", f" {conjunction} ")


def _management(permissions: GrantedPermissions) -> list[Text]:
    if not permissions.manage:
        return [Text("Can't manage anything.")]
    also = "also " if permissions.mcps else ""
    return [Text(f"Can {also}{_enumerated([GRANTS[grant] for grant in permissions.manage], 'and')}.")]


def _shortened(parts: list[list[Text]], noun: str) -> list[list[Text]]:
    if len(parts) <= _NAMES_MAX:
        return parts
    shown = parts[: _NAMES_MAX - 1]
    return [*shown, [Text(plural(len(parts) - len(shown), noun))]]


def _listed(items: list[list[Text]], separator: str, last: str | None = None) -> list[Text]:
    """Join items: "a, b and c" with a `last` separator; otherwise the last one follows "and" after a comma."""
    final = last or (separator if separator != ", " else ", and ")
    found: list[Text] = []
    for index, item in enumerate(items):
        if index:
            found.append(Text(final if index == len(items) - 1 else separator))
        found += item
    return found


def _enumerated(words: Sequence[str], conjunction: str) -> str:
    *head, last = words
    return f"{', '.join(head)} {conjunction} {last}" if head else last


def _joined(parts: list[Text]) -> tuple[Text, ...]:
    """Join neighbouring parts that are not code."""
    found: list[Text] = []
    for part in parts:
        if found and not part.is_code and not found[-1].is_code:
            found[-1] = Text(found[-1].text + part.text)
        else:
            found.append(part)
    return tuple(found)
