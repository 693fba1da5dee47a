"""The steps for keys. They refer to MCPs by id, or by name."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from keyledger.cli.as_code.bindings import bind
from keyledger.cli.as_code.document import KeyTable
from keyledger.cli.as_code.plan import Difference, Step, differences
from keyledger.cli.as_code.plan_mcps import NamedServer
from keyledger.cli.keys.create import DEFAULT_DAYS
from keyledger.cli.keys.permissions import is_empty
from keyledger.models.keys import Key
from keyledger.models.permissions import Permissions, ToolRule

_ID = re.compile(r"mcp_[0-9a-z]{26}")


class KeySteps(NamedTuple):
    steps: Sequence[Step]
    unchanged: int
    found: frozenset[str]
    named_mcps: frozenset[str]


class Servers:
    """The MCPs that keys can name."""

    def __init__(self, servers: Sequence[NamedServer]) -> None:
        self._names = {server.reference: server.name for server in servers}
        self._by_name: dict[str, list[NamedServer]] = {}
        for server in servers:
            self._by_name.setdefault(server.name, []).append(server)

    def name(self, reference: str) -> str:
        """Return the name of an MCP if it is unique, and otherwise its id."""
        name = self._names.get(reference, reference)
        return name if len(self._by_name.get(name, ())) == 1 and not _ID.fullmatch(name) else reference

    def resolve(self, given: str, environment: str | None, known: frozenset[str]) -> str:
        """Return the reference to the MCP with this name or id. `known`: ids that a key has, even of deleted MCPs.

        Raise LookupError for none or several. Of several, that in the environment of the key is chosen.
        """
        if _ID.fullmatch(given) and (given in self._names or given in known):
            return given
        found = self._by_name.get(given, [])
        same = [server for server in found if server.environment == environment]
        found = same if len(found) > 1 and len(same) == 1 else found
        if not found:
            raise LookupError(f"there is no MCP {given!r}. Add it to the file, or correct the name.")
        if len(found) > 1:
            ids = ", ".join(server.reference for server in found)
            raise LookupError(f"the MCP {given!r} can be any of {ids}. Use the id.")
        return found[0].reference


def plan_keys(
    tables: Sequence[KeyTable], existing: Sequence[Key], servers: Sequence[NamedServer], problems: list[str]
) -> KeySteps:
    named = Servers(servers)
    bindings = bind("keys", tables, existing, lambda key: key.name, problems)
    at = datetime.now(UTC)
    steps: list[Step] = []
    named_mcps: set[str] = set()
    for address, table, found in bindings:
        problems += [f"{address}: {flaw}" for flaw in _flaws(table, found, at)]
        try:
            permissions = _permissions(table, found, named)
        except LookupError as error:
            problems.append(f"{address}: {error.args[0]}")
            continue
        named_mcps |= {*permissions.mcps, *permissions.tools}
        step = _creation(table, permissions, named) if found is None else _change(table, found, permissions, named)
        if step is not None:
            steps.append(step)
    found_ids = frozenset(found.id for _, _, found in bindings if found)
    return KeySteps(steps, len(bindings) - len(steps), found_ids, frozenset(named_mcps))


def shown_permissions(permissions: Permissions, servers: Servers) -> dict[str, object]:
    """Return the permissions by field with names of MCPs, in order, so that equal ones compare as equal."""
    mcps = permissions.mcps
    return {
        "permissions.mcps": mcps if isinstance(mcps, str) else sorted(map(servers.name, mcps)),
        "permissions.tools": {
            name: _rule(rule) for name, rule in sorted((servers.name(mcp), rule) for mcp, rule in _rules(permissions))
        },
        "permissions.manage": sorted(permissions.manage),
    }


def _rules(permissions: Permissions) -> list[tuple[str, ToolRule]]:
    return list(permissions.tools.items())


def _rule(rule: ToolRule) -> dict[str, list[str]]:
    shown = {"deny": sorted(rule.deny)} if rule.deny else {}
    return shown if rule.allow is None else {"allow": sorted(rule.allow), **shown}


def _creation(table: KeyTable, permissions: Permissions, servers: Servers) -> Step:
    days = None if table.never or table.expires_at else table.expires_in_days or DEFAULT_DAYS
    shown = {
        "description": table.description,
        "environment": table.environment,
        **shown_permissions(permissions, servers),
        "rate_limit": None if table.rate_limit is None else table.rate_limit.per_second,
        "allowed_ips": list(table.allowed_ips),
        "metadata": table.metadata,
        "status": table.status,
        "expires": "never" if table.never else table.expires_at or f"in {days} days",
    }
    fields: dict[str, Any] = {
        "description": table.description or None,
        "environment": table.environment,
        "permissions": permissions,
        "expires_at": table.expires_at,
        "expires_in_days": days,
        "rate_limit": table.rate_limit,
        "allowed_ips": table.allowed_ips or None,
        "metadata": table.metadata or None,
    }
    return Step(
        "keys",
        "create",
        table.name,
        None,
        [Difference(name, None, value) for name, value in shown.items() if value],
        {"name": table.name, **{name: value for name, value in fields.items() if value is not None}},
        status="disabled" if table.status == "disabled" else None,
        has_secret=True,
        note="It reaches no MCP and manages nothing." if is_empty(permissions) else "",
    )


def _change(table: KeyTable, found: Key, permissions: Permissions, servers: Servers) -> Step | None:
    has_expiry = table.never or table.expires_at is not None
    fields: dict[str, Any] = {
        "name": table.name,
        "description": table.description,
        "rate_limit": table.rate_limit,
        "allowed_ips": table.allowed_ips,
        "metadata": table.metadata,
        "expires_at": table.expires_at if has_expiry else found.expires_at,
    }
    wanted = _comparable(fields)
    changed = differences(_comparable({name: getattr(found, name) for name in fields}), wanted)
    sent: dict[str, Any] = {each.field: fields[each.field] for each in changed}
    changed_permissions = differences(
        shown_permissions(found.permissions, servers), shown_permissions(permissions, servers)
    )
    if changed_permissions:
        sent["permissions"] = permissions
    status = table.status if table.status not in {None, found.status} else None
    listed = [*changed, *changed_permissions, *([Difference("status", found.status, status)] if status else [])]
    if not listed:
        return None
    return Step("keys", "update", table.name, found.id, listed, sent, revision=found.revision, status=status)


def _comparable(fields: Mapping[str, Any]) -> dict[str, object]:
    limit = fields["rate_limit"]
    return {
        **fields,
        "rate_limit": None if limit is None else limit.per_second,
        "allowed_ips": sorted(fields["allowed_ips"]),
    }


def _permissions(table: KeyTable, found: Key | None, servers: Servers) -> Permissions:
    """Return the permissions with references to MCPs."""
    wanted = table.permissions
    if isinstance(wanted.mcps, str) and wanted.mcps != "*":
        raise LookupError(f'permissions.mcps is a list, or "*" for every MCP, not {wanted.mcps!r}.')
    environment = table.environment or (found and found.environment)
    known: set[str] = set()
    if found is not None:
        known = {*found.permissions.tools, *(() if isinstance(found.permissions.mcps, str) else found.permissions.mcps)}

    def resolved(given: str) -> str:
        return servers.resolve(given, environment, frozenset(known))

    mcps = wanted.mcps if isinstance(wanted.mcps, str) else tuple(dict.fromkeys(map(resolved, wanted.mcps)))
    tools = {resolved(given): rule for given, rule in wanted.tools.items()}
    if len(tools) != len(wanted.tools):
        raise LookupError("permissions.tools names an MCP twice.")
    return Permissions(mcps=mcps, tools=tools, manage=tuple(dict.fromkeys(wanted.manage)))


def _flaws(table: KeyTable, found: Key | None, at: datetime) -> list[str]:
    flaws: list[str] = []
    if sum((table.never, table.expires_at is not None, table.expires_in_days is not None)) > 1:
        flaws.append("use one of expires_at, expires_in_days and never.")
    if table.expires_in_days is not None and table.expires_in_days < 1:
        flaws.append("expires_in_days is at least 1.")
    if table.expires_at is not None and table.expires_at <= at:
        flaws.append("expires_at is in the past. Choose a time in the future, or remove the key from the file.")
    if found is not None and table.environment not in {None, found.environment}:
        flaws.append(
            f"the environment of {found.id} is {found.environment} and cannot change. Revoke the key first, or use"
            " another name for the new one."
        )
    return flaws
