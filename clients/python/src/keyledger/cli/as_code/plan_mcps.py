"""The steps for MCP servers, and the names by which keys refer to them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from keyledger.cli.as_code.bindings import Binding, bind
from keyledger.cli.as_code.credentials import Credentials
from keyledger.cli.as_code.document import McpTable
from keyledger.cli.as_code.plan import Difference, Step, differences
from keyledger.models.mcps import Mcp

_AUTH_FIELDS = ("auth_header", "auth_parameter", "auth_username")


class NamedServer(NamedTuple):
    """An MCP that keys can name. `reference`: its id, or the address of its table until it is created."""

    name: str
    environment: str | None
    reference: str


class McpSteps(NamedTuple):
    steps: Sequence[Step]
    unchanged: int
    found: frozenset[str]
    servers: Sequence[NamedServer]
    not_compared: int


def plan_mcps(
    tables: Sequence[McpTable], existing: Sequence[Mcp], credentials: Credentials, problems: list[str]
) -> McpSteps:
    bindings = bind("mcps", tables, existing, lambda mcp: mcp.name, problems)
    steps = [step for each in bindings if (step := _step(each, credentials, problems)) is not None]
    named = [
        NamedServer(table.name, table.environment or (found and found.environment), found.id if found else address)
        for address, table, found in bindings
    ]
    found_ids = frozenset(found.id for _, _, found in bindings if found)
    others = [NamedServer(mcp.name, mcp.environment, mcp.id) for mcp in existing if mcp.id not in found_ids]
    kept = sum(1 for _, table, found in bindings if found and _has_credential(table) and not credentials.are_sent)
    return McpSteps(steps, len(bindings) - len(steps), found_ids, [*named, *others], kept)


def _step(binding: Binding[McpTable, Mcp], credentials: Credentials, problems: list[str]) -> Step | None:
    address, table, found = binding
    return (
        _creation(address, table, credentials, problems) if found is None else _change(binding, credentials, problems)
    )


def _creation(address: str, table: McpTable, credentials: Credentials, problems: list[str]) -> Step:
    shown = {
        "endpoint_url": table.endpoint_url,
        "description": table.description or None,
        "environment": table.environment,
        "auth_type": table.auth_type,
        "status": table.status,
        "health_checks": None if table.health_checks else False,
    }
    fields = {name: value for name, value in shown.items() if value is not None and name != "status"}
    sent = _sent(address, table, table.auth_type or "none", credentials, problems)
    listed = [Difference(name, None, value) for name, value in shown.items() if value is not None]
    status = "inactive" if table.status == "inactive" else None
    return Step(
        "mcps",
        "create",
        table.name,
        None,
        [*listed, *_shown(sent)],
        {"name": table.name, **fields, **sent},
        status=status,
        address=address,
    )


def _change(binding: Binding[McpTable, Mcp], credentials: Credentials, problems: list[str]) -> Step | None:
    address, table, found = binding
    if found is None:
        return None
    wanted = {
        "name": table.name,
        "endpoint_url": table.endpoint_url,
        "description": table.description,
        "environment": table.environment or found.environment,
        "auth_type": table.auth_type or found.auth_type,
        "status": table.status or found.status,
        "health_checks": table.health_checks,
    }
    changed = differences({name: getattr(found, name) for name in wanted}, wanted)
    auth_type = str(wanted["auth_type"])
    is_new_target = table.auth_type not in {None, found.auth_type} or _host(table.endpoint_url) != _host(
        found.endpoint_url
    )
    sent: Mapping[str, Any] = {}
    if is_new_target or (credentials.are_sent and _has_credential(table)):
        sent = _sent(address, table, auth_type, credentials, problems)
    if not changed and not sent:
        return None
    fields = {each.field: each.new for each in changed}
    return Step(
        "mcps", "update", table.name, found.id, [*changed, *_shown(sent)], {**fields, **sent}, revision=found.revision
    )


def _sent(
    address: str, table: McpTable, auth_type: str, credentials: Credentials, problems: list[str]
) -> dict[str, Any]:
    """Return the fields of the credential, which must be complete."""
    if auth_type == "none":
        return {}
    if not _has_credential(table):
        problems.append(
            f"{address}: the server needs its credential for {auth_type}. Add credential_env or credential_file."
        )
        return {}
    secret = credentials.read(address, table.credential_env, table.credential_file, problems)
    given = {name: getattr(table, name) for name in _AUTH_FIELDS if getattr(table, name) is not None}
    return {**given, ("auth_password" if auth_type == "basic" else "auth_token"): secret}


def _shown(sent: Mapping[str, Any]) -> list[Difference]:
    known = [Difference(name, None, value) for name, value in sent.items() if name in _AUTH_FIELDS]
    return [*known, Difference("credential", None, "is sent")] if sent else []


def _has_credential(table: McpTable) -> bool:
    return table.credential_env is not None or table.credential_file is not None


def _host(url: str) -> tuple[str, str | None]:
    """Return the parts of a URL that a stored credential stays with (decision 11)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", None)
    return (parts.scheme, parts.hostname)
