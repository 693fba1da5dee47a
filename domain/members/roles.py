"""Grants of each role, following the role table of the contract line by line.

Every role sees MCPs and the dashboard: `mcps:read usage:read organization:read`. `member` adds keys, but only their
own. `auditor` adds reading: the metadata of all keys, the whole audit log, and the names of the people in it. `admin`
adds all keys, MCPs, people, webhooks, alerts and the organization's own details, which is every grant. `owner` adds
operations that no grant opens, so that no key can ever perform them: see `owns`.
"""

from typing import Literal, get_args

from msgspec.structs import replace

from domain.grants import GRANTS, Grant
from domain.keys.delegation import Scope, require_within
from domain.keys.errors import ExceedsAuthority
from domain.keys.permissions import Permissions
from domain.members.errors import OwnershipMustBeTransferred, RoleBeyondAuthority
from domain.members.events import Role

ROLES: tuple[Role, ...] = get_args(Role)

_SEEING: tuple[Grant, ...] = ("mcps:read", "usage:read", "organization:read")
_OWN_KEYS: tuple[Grant, ...] = ("keys:read", "keys:write")
_AUDITING: tuple[Grant, ...] = ("keys:read", "audit:read", "members:read")

_GRANTS: dict[Role, frozenset[Grant]] = {
    "viewer": frozenset(_SEEING),
    "member": frozenset(_SEEING + _OWN_KEYS),
    "auditor": frozenset(_SEEING + _AUDITING),
    "admin": frozenset(GRANTS),
    "owner": frozenset(GRANTS),
}


def grants_of(role: Role) -> frozenset[Grant]:
    """Return the grants of a person. `keys_seen` determines which keys these grants reach."""
    return _GRANTS[role]


KeysSeen = Literal["all", "own", "none"]


def keys_seen(role: Role) -> KeysSeen:
    """Return the keys that exist for a role, in every route, list, report, alert and mail.

    `own`: the keys that the person created. The result follows from the grants: a role that reads keys without writing
    them sees all of them, as an auditor does. Another grant, such as `usage:read`, does not reveal a key that the role
    does not see.
    """
    held = _GRANTS[role]
    if "keys:read" not in held:
        return "none"
    return "own" if role == "member" else "all"


def owns(role: Role) -> bool:
    """Return whether this role changes the plan, deletes the organization and transfers its ownership."""
    return role == "owner"


def authority_of(role: Role) -> Scope:
    """Return what a person can grant to a key or another person, which is what their own role has.

    People are not restricted by environment, expiry or addresses, and people who may create keys reach every MCP. A
    key's grants for keys reach all keys, so a `member`, who sees only their own keys, cannot grant them.
    """
    held = _GRANTS[role]
    giveable = held if keys_seen(role) == "all" else held.difference(_OWN_KEYS)
    return Scope(
        Permissions(
            mcps="*" if "keys:write" in held else (),
            manage=tuple([grant for grant in GRANTS if grant in giveable]),
        )
    )


def covers(role: Role, other: Role) -> bool:
    """Return whether `role` has and can grant everything that `other` has and can grant."""
    if not _GRANTS[other] <= _GRANTS[role]:
        return False
    return authority_of(other).permissions.within(authority_of(role).permissions)


def refuse_giving(authority: Scope, role: Role, *, before: Role | None = None) -> None:
    """Refuse to change a role from `before` (None: a new member) to more than `authority` has (invariant I12).

    Every caller who may change members can narrow a role. Any other change is checked as if the role were a key. A key
    that expires or is restricted to addresses cannot assign a role, because people are restricted by neither. People
    are not restricted to one environment either. A live key counts as having both environments; otherwise no key could
    invite people.
    """
    if owns(role):
        raise OwnershipMustBeTransferred
    if before is not None and covers(before, role):
        return
    calls = authority_of(role).permissions
    held = tuple([grant for grant in GRANTS if grant in _GRANTS[role]])
    try:
        require_within(authority, Scope(replace(calls, manage=held), environment="live"), {})
    except ExceedsAuthority as beyond:
        raise RoleBeyondAuthority(**beyond.details) from beyond
