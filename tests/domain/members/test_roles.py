"""The contract's table of roles."""

import pytest

from domain.grants import GRANTS, Grant
from domain.keys.delegation import UNRESTRICTED, Scope
from domain.keys.permissions import Permissions
from domain.members.events import Role
from domain.members.roles import ROLES, authority_of, grants_of, keys_seen, owns

SEEING: tuple[Grant, ...] = ("mcps:read", "usage:read", "organization:read")
HELD: dict[Role, set[Grant]] = {
    "viewer": {*SEEING},
    "member": {*SEEING, "keys:read", "keys:write"},
    "auditor": {*SEEING, "keys:read", "audit:read", "members:read"},
    "admin": {*GRANTS},
    "owner": {*GRANTS},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_holds_what_the_contract_gives_it(role: Role) -> None:
    assert grants_of(role) == HELD[role]


def test_only_the_owner_owns() -> None:
    assert [role for role in ROLES if owns(role)] == ["owner"]


def test_a_member_sees_own_keys_and_a_viewer_none() -> None:
    seen = {"viewer": "none", "member": "own", "auditor": "all", "admin": "all", "owner": "all"}
    assert {role: keys_seen(role) for role in ROLES} == seen


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_who_holds_every_grant_can_give_every_grant(role: Role) -> None:
    assert authority_of(role) == UNRESTRICTED


def test_a_member_gives_keys_every_mcp_and_no_grant_for_keys_that_are_not_theirs() -> None:
    assert authority_of("member") == Scope(Permissions(mcps="*", manage=SEEING))


def test_who_makes_no_keys_has_no_mcp_to_give() -> None:
    assert authority_of("viewer") == Scope(Permissions(manage=SEEING))
    auditing = Permissions(
        manage=("keys:read", "mcps:read", "usage:read", "audit:read", "members:read", "organization:read")
    )
    assert authority_of("auditor") == Scope(auditing)
