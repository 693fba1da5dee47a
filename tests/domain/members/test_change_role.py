"""Changes of role and the authority they need."""

from itertools import product

import pytest
from msgspec.structs import replace

from domain.actor import KeyActor, UserActor
from domain.decider import ImpossibleHistory
from domain.environment import Environment
from domain.grants import GRANTS, Grant
from domain.keys.delegation import UNRESTRICTED, Scope
from domain.keys.permissions import Permissions, ToolRule
from domain.members.commands import ChangeRole
from domain.members.decider import MEMBER
from domain.members.errors import (
    CannotChangeOwnRole,
    MemberNotFound,
    OwnerCannotLeave,
    OwnershipMustBeTransferred,
    RoleBeyondAuthority,
)
from domain.members.events import MemberEvent, MemberRoleChanged, Role
from domain.members.roles import ROLES, authority_of, covers, grants_of
from domain.members.state import Member
from tests.domain.members.people import ADA, ADDED, BOB, FOUNDED, OWNER_ID, RECEIVED, REMOVED
from tests.domain.sample import KEY_ID, LIVE_MCP, NOW, ORGANIZATION_ID, at
from tests.given import given

CHANGE = ChangeRole("auditor", at=at(10), by=UserActor(BOB), authority=UNRESTRICTED)
ASSIGNABLE: tuple[Role, ...] = ("viewer", "member", "auditor", "admin")
CHANGED = MemberRoleChanged("auditor", changed_at=at(10))


def test_a_role_is_changed_and_changing_it_again_changes_nothing() -> None:
    given(MEMBER, ADDED).when(CHANGE).then(CHANGED)
    given(MEMBER, ADDED, CHANGED).when(CHANGE).then_nothing()
    assert MEMBER.fold([ADDED, CHANGED]) == Member(ADA, ORGANIZATION_ID, "auditor", NOW, revision=2)


def test_members_cannot_change_their_own_role() -> None:
    given(MEMBER, ADDED).when(replace(CHANGE, by=UserActor(ADA))).then_refused(CannotChangeOwnRole)


def test_the_role_of_the_owner_cannot_be_changed() -> None:
    given(MEMBER, FOUNDED).when(CHANGE).then_refused(OwnerCannotLeave)
    given(MEMBER, FOUNDED).when(replace(CHANGE, by=UserActor(OWNER_ID))).then_refused(CannotChangeOwnRole)


def test_a_change_of_role_cannot_assign_ownership() -> None:
    given(MEMBER, ADDED).when(replace(CHANGE, role="owner")).then_refused(OwnershipMustBeTransferred)


@pytest.mark.parametrize("history", [[], [ADDED, REMOVED]])
def test_the_role_of_a_missing_or_removed_member_cannot_be_changed(history: list[MemberEvent]) -> None:
    given(MEMBER, *history).when(CHANGE).then_refused(MemberNotFound)


@pytest.mark.parametrize(("role", "before"), [*product(ASSIGNABLE, repeat=2)])
def test_an_unrestricted_caller_can_assign_every_role_except_owner(role: Role, before: Role) -> None:
    changed = given(MEMBER, replace(ADDED, role=before)).when(replace(CHANGE, role=role))
    changed.then(*[] if role == before else [MemberRoleChanged(role, at(10))])


KEY: Scope = Scope(Permissions(mcps="*", manage=GRANTS), environment="live")
CHANGE_BY_KEY = replace(CHANGE, by=KeyActor(KEY_ID), authority=KEY)


@pytest.mark.parametrize("role", ["viewer", "member", "auditor", "admin"])
def test_an_unbound_live_key_can_assign_the_roles_whose_grants_it_has(role: Role) -> None:
    held = tuple(grants_of(role))
    viewer = replace(ADDED, role="viewer")
    enough = replace(KEY, permissions=Permissions(mcps="*", manage=held))
    if role != "viewer":
        given(MEMBER, viewer).when(replace(CHANGE_BY_KEY, role=role, authority=enough)).then(
            MemberRoleChanged(role, at(10))
        )
    for missing in held:
        fewer: tuple[Grant, ...] = tuple([grant for grant in held if grant != missing])
        authority = replace(KEY, permissions=Permissions(mcps="*", manage=fewer))
        refused = given(MEMBER, viewer).when(replace(CHANGE_BY_KEY, role=role, authority=authority))
        if role == "viewer":
            refused.then_nothing()
        else:
            refused.then_refused(RoleBeyondAuthority, required=[missing])


@pytest.mark.parametrize(
    ("bound", "detail"),
    [
        (replace(KEY, expires_at=at(1000)), {"expires_at": "Must not be later than the caller's own expiry"}),
        (
            replace(KEY, allowed_ips=("10.0.0.0/8",)),
            {"allowed_ips": "Must be a subset of the caller's own allowed_ips"},
        ),
        (replace(KEY, environment="test"), {"environment": "Must be test, like the caller's own key"}),
    ],
)
def test_a_bound_key_cannot_assign_a_role(bound: Scope, detail: dict[str, str]) -> None:
    given(MEMBER, ADDED).when(replace(CHANGE_BY_KEY, authority=bound)).then_refused(RoleBeyondAuthority, **detail)


@pytest.mark.parametrize(
    "calls",
    [Permissions(mcps=(LIVE_MCP,)), Permissions(mcps="*", tools={LIVE_MCP: ToolRule(deny=("delete_*",))})],
)
@pytest.mark.parametrize("environment", ["live", None])
def test_a_caller_without_access_to_every_tool_cannot_assign_a_role_that_has_it(
    calls: Permissions, environment: Environment | None
) -> None:
    authority = Scope(replace(calls, manage=GRANTS), environment)
    given(MEMBER, replace(ADDED, role="viewer")).when(
        replace(CHANGE_BY_KEY, role="member", authority=authority)
    ).then_refused(RoleBeyondAuthority, permissions="Must not contain MCP servers or tools that the caller cannot use")
    given(MEMBER, replace(ADDED, role="viewer")).when(replace(CHANGE_BY_KEY, role="auditor", authority=authority)).then(
        CHANGED
    )


@pytest.mark.parametrize(("before", "role"), [("admin", "member"), ("auditor", "viewer"), ("member", "viewer")])
def test_any_caller_with_members_write_can_narrow_a_role(before: Role, role: Role) -> None:
    authority = Scope(Permissions(manage=("members:write",)), "test", at(1000))
    changed = given(MEMBER, replace(ADDED, role=before)).when(replace(CHANGE_BY_KEY, role=role, authority=authority))
    changed.then(MemberRoleChanged(role, at(10)))


COVERED: dict[Role, set[Role]] = {
    "viewer": {"viewer"},
    "member": {"viewer", "member"},
    "auditor": {"viewer", "auditor"},
    "admin": {*ROLES},
    "owner": {*ROLES},
}


@pytest.mark.parametrize(("role", "other"), [*product(ROLES, repeat=2)])
def test_a_role_covers_every_role_with_no_further_grants(role: Role, other: Role) -> None:
    assert covers(role, other) == (other in COVERED[role])
    if covers(role, other):
        assert authority_of(other).permissions.within(authority_of(role).permissions)


@pytest.mark.parametrize(
    "history",
    [
        [CHANGED],
        [FOUNDED, CHANGED],
        [ADDED, MemberRoleChanged("owner", at(10))],
        [ADDED, REMOVED, CHANGED],
        [ADDED, RECEIVED, CHANGED],
    ],
)
def test_a_damaged_history_is_impossible(history: list[MemberEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        MEMBER.fold(history)
