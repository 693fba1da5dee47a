"""How far a key reaches, and that nobody hands out more than they have (invariant I12)."""

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
"""Every MCP that the organization has at this moment, and its environment."""


class Scope(Struct, frozen=True):
    """What can be done, where, until when, from which addresses.

    `environment` and `expires_at` None, and `allowed_ips` empty: no bound. The reach of a caller is called their
    authority: people are bound by their role's grants alone, a key by everything it has itself. A rate limit is no
    part of it: it slows one key down, and many keys of that limit would pass it anyway.
    """

    permissions: Permissions
    environment: Environment | None = None
    expires_at: datetime | None = None
    allowed_ips: tuple[str, ...] = ()


UNRESTRICTED = Scope(permissions=Permissions(mcps="*", manage=GRANTS))
"""An owner's authority, and the system's."""


def scope_of(key: Key) -> Scope:
    return Scope(key.permissions, key.environment, key.expires_at, key.allowed_ips)


def require_within(
    authority: Scope, wanted: Scope, known_mcps: McpEnvironments, *, before: Scope | None = None
) -> None:
    """Refuse `wanted` where what it adds to `before` reaches beyond `authority`, dimension by dimension.

    What a key could do `before` does not have to be granted again: a narrowing is open to everyone who may write keys.
    But what is to last longer, or to be open to more addresses, is all of it new there; and what is new must end with
    the caller, or a key would outlive itself in another.
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
        lacking["permissions"] = "Reaches MCPs or tools that the caller may not reach"
    if not _ends_by(wanted.expires_at, authority.expires_at):
        lacking["expires_at"] = "Must not be later than the caller's own expiry"
    if not networks_within(wanted.allowed_ips, authority.allowed_ips):
        lacking["allowed_ips"] = "Must lie within the addresses that the caller itself is bound to"
    if authority.environment not in (None, wanted.environment):
        lacking["environment"] = f"The caller manages only {authority.environment} keys"
    if lacking:
        raise ExceedsAuthority(**lacking)


def _calls_within(wanted: Scope, bound: Scope, known_mcps: McpEnvironments) -> bool:
    """Whether every MCP and tool that `wanted` opens is open under `bound`.

    "*" ends at the environment of its key, while an MCP listed by its id is open in either: the list can be the wider
    one. An MCP that is not there any more opens nothing.
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
