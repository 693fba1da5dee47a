"""Scopes of keys and callers, and the rule that no caller grants more than they have (invariant I12)."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from domain.environment import Environment
from domain.grants import GRANTS
from domain.keys.errors import ExceedsAuthority
from domain.keys.permissions import Permissions
from domain.keys.state import Key
from domain.networks import networks_within

McpEnvironments = Mapping[str, Environment]
"""Every MCP that the organization has at this moment, with its environment."""


class Scope(Struct, frozen=True):
    """Permissions, environment, expiry and networks.

    There is no restriction where `environment` or `expires_at` is None or `allowed_ips` is empty. The scope of a caller
    is called their authority. People are restricted only by the grants of their role, and a key by its entire own
    scope. A rate limit is not part of a scope: it slows one key down, and several keys with that limit would exceed it
    anyway.
    """

    permissions: Permissions
    environment: Environment | None = None
    expires_at: datetime | None = None
    allowed_ips: tuple[str, ...] = ()


UNRESTRICTED = Scope(permissions=Permissions(mcps="*", manage=GRANTS))
"""The authority of an owner and of the system."""


def scope_of(key: Key) -> Scope:
    return Scope(key.permissions, key.environment, key.expires_at, key.allowed_ips)


def require_within(
    authority: Scope, wanted: Scope, known_mcps: McpEnvironments, *, before: Scope | None = None
) -> None:
    """Refuse `wanted` where its additions to `before` exceed `authority` in any dimension.

    Scope that a key had `before` need not be granted again, so every caller who may write keys can narrow a key. A key
    that is to last longer or to accept more addresses counts as entirely new. A new scope must end with the caller's
    own expiry; otherwise a key could extend its life through another key.
    """
    prolonged = (
        before is None
        or not _ends_by(wanted.expires_at, before.expires_at)
        or not networks_within(wanted.allowed_ips, before.allowed_ips)
    )
    had = set(before.permissions.manage) if before is not None and not prolonged else set[str]()
    grants = set(wanted.permissions.manage) - had
    calls = before is None or prolonged or not _calls_within(wanted, before, known_mcps)
    if not grants and not calls:
        return
    lacking: dict[str, object] = {}
    missing = sorted(grants - set(authority.permissions.manage))
    if missing:
        lacking["required"] = missing
    if calls and not _calls_within(wanted, authority, known_mcps):
        lacking["permissions"] = "Must not contain MCP servers or tools that the caller cannot use"
    if not _ends_by(wanted.expires_at, authority.expires_at):
        lacking["expires_at"] = "Must not be later than the caller's own expiry"
    if not networks_within(wanted.allowed_ips, authority.allowed_ips):
        lacking["allowed_ips"] = "Must be a subset of the caller's own allowed_ips"
    if authority.environment not in (None, wanted.environment):
        lacking["environment"] = f"Must be {authority.environment}, like the caller's own key"
    if lacking:
        raise ExceedsAuthority(**lacking)


def _calls_within(wanted: Scope, bound: Scope, known_mcps: McpEnvironments) -> bool:
    """Return whether every MCP and tool that `wanted` reaches is reachable under `bound`.

    "*" is limited to the environment of its key, while an MCP listed by its id is reachable in either environment. The
    list can therefore be the wider of the two. An MCP that no longer exists adds nothing.
    """
    listed = wanted.permissions.mcps
    home = bound.environment
    stays_home = (
        home is None
        or bound.permissions.mcps != "*"
        or listed == "*"
        or all(known_mcps.get(mcp_id, home) == home for mcp_id in listed)
    )
    return stays_home and wanted.permissions.calls_within(bound.permissions)


def _ends_by(end: datetime | None, bound: datetime | None) -> bool:
    return bound is None or (end is not None and end <= bound)
