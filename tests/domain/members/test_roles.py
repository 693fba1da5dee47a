"""The contract's table of roles."""

import pytest

from domain.grants import GRANTS, Grant
from domain.keys.delegation import UNRESTRICTED, Scope
from domain.keys.permissions import Permissions
from domain.members.events import Role
from domain.members.roles import ROLES, authority_of, grants_of, keys_seen, owns

READING: tuple[Grant, ...] = ("mcps:read", "usage:read", "organization:read")
HELD: dict[Role, set[Grant]] = {
    "viewer": {*READING},
    "member": {*READING, "keys:read", "keys:write"},
    "auditor": {*READING, "keys:read", "audit:read", "members:read"},
    "admin": {*GRANTS},
    "owner": {*GRANTS},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_grants_of_the_contract(role: Role) -> None:
    assert grants_of(role) == HELD[role]


def test_only_the_owner_role_owns_the_organization() -> None:
    assert [role for role in ROLES if owns(role)] == ["owner"]


def test_a_member_sees_own_keys_and_a_viewer_sees_none() -> None:
    seen = {"viewer": "none", "member": "own", "auditor": "all", "admin": "all", "owner": "all"}
    assert {role: keys_seen(role) for role in ROLES} == seen


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_a_role_with_every_grant_is_unrestricted(role: Role) -> None:
    assert authority_of(role) == UNRESTRICTED


def test_a_member_can_grant_keys_every_mcp_but_no_key_grants() -> None:
    assert authority_of("member") == Scope(Permissions(mcps="*", manage=READING))


def test_a_role_that_cannot_create_keys_has_no_mcps_to_grant() -> None:
    assert authority_of("viewer") == Scope(Permissions(manage=READING))
    auditing = Permissions(
        manage=("keys:read", "mcps:read", "usage:read", "audit:read", "members:read", "organization:read")
    )
    assert authority_of("auditor") == Scope(auditing)
