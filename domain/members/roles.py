"""What a role holds: the contract's table of roles, line by line.

Every role sees MCPs and the dashboard: `mcps:read usage:read organization:read`. `member` adds keys, but only own ones.
`auditor` adds reading: the metadata of all keys, the whole audit log, and who the people are that it names. `admin`
adds all keys, MCPs, people, webhooks, alerts and the organization's own details: every grant there is. `owner` adds
what no grant opens, so that no key can ever do it: see `owns`.
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
    """What a person may ask for. The keys that the grants reach are those that the role sees: see `keys_seen`."""
    return _GRANTS[role]


KeysSeen = Literal["all", "own", "none"]


def keys_seen(role: Role) -> KeysSeen:
    """Which keys exist for a role, in every route, list, report, alert and mail. `own`: those that the person created.

    It follows from the grants: who reads keys and writes none looks at all of them, as an auditor does. A grant for
    something else, such as `usage:read`, shows no key that the role does not see.
    """
    held = _GRANTS[role]
    if "keys:read" not in held:
        return "none"
    return "own" if role == "member" else "all"


def owns(role: Role) -> bool:
    """Whether this is the role that changes the plan, deletes the organization and transfers its ownership."""
    return role == "owner"


def authority_of(role: Role) -> Scope:
    """What a person can give to a key, or to another person: what their own role holds.

    People have no environment, expiry or addresses that bind them, and those who may make keys reach every MCP. A key's
    grants for keys reach all keys, so a `member`, who sees own ones only, has none of them to give.
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
    """Whether `role` holds all that `other` holds, and can give all that `other` can give."""
    if not _GRANTS[other] <= _GRANTS[role]:
        return False
    return authority_of(other).permissions.within(authority_of(role).permissions)


def refuse_giving(authority: Scope, role: Role, *, before: Role | None = None) -> None:
    """Refuse to make someone who has the role `before`, or none yet, hold more than `authority` does (invariant I12).

    A narrowing is open to everyone who may change members. Anything else is judged as if the role were a key: one that
    expires or is bound to addresses gives no role, since people are bound to neither. People are not bound to one
    environment either; a live key counts as holding both, or no key could invite anyone.
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
