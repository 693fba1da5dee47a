"""Random sequences of commands by people and keys: no caller gives a person or a key more than the caller has.

This module spells out what a caller has as a set of powers, from the contract's table. It does not use
`domain/members/roles.py` or `domain/keys/delegation.py`, so it does not repeat their logic.
"""

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from domain.actor import Actor, KeyActor, SystemActor, UserActor
from domain.environment import Environment
from domain.grants import GRANTS, Grant
from domain.invitations.commands import AcceptInvitation, InviteMember
from domain.invitations.decider import INVITATION
from domain.invitations.state import ExistingInvitation, Open
from domain.keys.commands import ChangeKey, CreateKey, NarrowGrants, RevokeKey, RotateKey
from domain.keys.decider import KEY
from domain.keys.delegation import Scope, scope_of
from domain.keys.permissions import Permissions
from domain.keys.state import Active, Existing
from domain.members.commands import (
    AddMember,
    ChangeRole,
    MemberCommand,
    ReceiveOwnership,
    RemoveMember,
    TransferOwnership,
)
from domain.members.decider import MEMBER
from domain.members.events import Role
from domain.members.roles import ROLES, authority_of, grants_of
from domain.members.state import ExistingMember, Member
from domain.plans.plan import MemberCounts
from domain.refusal import Refusal
from tests.domain.sample import LIVE_MCP, MCPS, NOW, ORGANIZATION_ID, ROOM, a_record, an_id

Powers = frozenset[str]

READING = {"mcps:read", "usage:read", "organization:read"}
CREATING_KEYS = {"own keys", "call live", "call test"}
OF_ROLE: dict[Role, Powers] = {
    "viewer": frozenset(READING),
    "member": frozenset(READING | CREATING_KEYS),
    "auditor": frozenset(READING | {"keys:read", "audit:read", "members:read"}),
    "admin": frozenset({*GRANTS} | CREATING_KEYS),
    "owner": frozenset({*GRANTS, "own the organization"} | CREATING_KEYS),
}
SOME_GRANTS: tuple[Grant, ...] = ("keys:read", "keys:write", "members:write", *sorted(READING))  # type: ignore[assignment]

NO_IDS: tuple[str, ...] = ()


class Caller(NamedTuple):
    actor: Actor
    authority: Scope
    grants: frozenset[Grant]
    powers: Powers


roles = st.sampled_from(ROLES)
permissions = st.builds(
    Permissions,
    mcps=st.just("*") | st.just((LIVE_MCP,)),
    manage=st.just(GRANTS) | st.lists(st.sampled_from(SOME_GRANTS), unique=True).map(tuple),
)
environments: st.SearchStrategy[Environment] = st.sampled_from(["live", "live", "test"])


class People(RuleBasedStateMachine):
    people = Bundle[str]("people")
    keys = Bundle[str]("keys")
    invitations = Bundle[str]("invitations")

    def __init__(self) -> None:
        super().__init__()
        self.serial = 0
        self.members: dict[str, ExistingMember] = {}
        self.states: dict[str, Existing] = {}
        self.invited: dict[str, ExistingInvitation] = {}

    def _serial(self) -> int:
        self.serial += 1
        return self.serial

    @initialize(target=people)
    def founded(self) -> MultipleResults[str]:
        """Create one person in each role."""
        people: dict[Role, str] = {role: an_id("user", self._serial()) for role in reversed(ROLES)}
        for role, user_id in people.items():
            assert self._member(user_id, AddMember(user_id, ORGANIZATION_ID, role, NOW, self._census()))
        return multiple(*people.values())

    # Callers and their powers.

    def _caller(self, caller_id: str, needed: Grant) -> Caller | None:
        """Return the caller, or None if the caller lacks the grant."""
        caller = self._anyone(caller_id)
        return caller if caller is not None and needed in caller.grants else None

    def _anyone(self, caller_id: str) -> Caller | None:
        member = self.members.get(caller_id)
        if isinstance(member, Member):
            role = member.role
            return Caller(UserActor(caller_id), authority_of(role), grants_of(role), OF_ROLE[role])
        state = self.states.get(caller_id)
        if isinstance(state, Active):
            grants = frozenset(state.key.permissions.manage)
            return Caller(KeyActor(caller_id), scope_of(state.key), grants, self._of_key(caller_id))
        return None

    def _of_key(self, key_id: str) -> Powers:
        state = self.states.get(key_id)
        if not isinstance(state, Active):
            return frozenset()
        held = {*state.key.permissions.manage}
        calls = {f"call {state.key.environment}"} if state.key.permissions.mcps == "*" else {"call one"}
        return frozenset(held | calls)

    @staticmethod
    def _within(given: Powers, held: Powers) -> bool:
        """Compare with implied powers: all keys include own keys, all MCPs include each, and live includes test for
        invitations.
        """
        more = {"own keys"} if "keys:write" in held else set[str]()
        more |= {"call one"} if {"call live", "call test"} & held else set()
        more |= {"call test"} if "call live" in held else set()
        return given <= held | more

    def _census(self) -> MemberCounts:
        return MemberCounts(sum(isinstance(member, Member) for member in self.members.values()), None, "team")

    def _member(self, user_id: str, command: MemberCommand) -> bool:
        before = self.members.get(user_id)
        try:
            events = MEMBER.decide(before, command)
        except Refusal:
            return False
        after = MEMBER.fold(events, before)
        assert after is not None
        self.members[user_id] = after
        return True

    def _lineage(self, user_id: str) -> set[str]:
        """Return the person's keys and the managing keys that descend from them, even through a revoked key."""
        return {
            key_id
            for key_id, state in self.states.items()
            if isinstance(state, Active)
            and (state.key.created_by.id == user_id or (state.key.permissions.manage and self._root(key_id) == user_id))
        }

    def _root(self, key_id: str) -> str:
        """Return the person at the root of the key's chain of creators."""
        maker = self.states[key_id].key.created_by.id
        return self._root(maker) if maker in self.states else maker

    # Commands and their postconditions.

    @rule(target=invitations, caller_id=people | keys, role=roles)
    def invite(self, caller_id: str, role: Role) -> MultipleResults[str]:
        caller = self._caller(caller_id, "members:write")
        if caller is None:
            return multiple(*NO_IDS)
        invitation_id = an_id("invite", self._serial())
        command = InviteMember(
            invitation_id=invitation_id,
            organization_id=ORGANIZATION_ID,
            email="ada@example.com",
            role=role,
            token_digest="0" * 64,
            at=NOW,
            by=caller.actor,
            authority=caller.authority,
            counts=self._census(),
            is_member=False,
        )
        try:
            state = INVITATION.fold(INVITATION.decide(None, command))
        except Refusal:
            return multiple(*NO_IDS)
        assert state is not None
        assert self._within(OF_ROLE[role], caller.powers)
        self.invited[invitation_id] = state
        return multiple(invitation_id)

    @rule(target=people, invitation_id=invitations)
    def accept(self, invitation_id: str) -> MultipleResults[str]:
        state = self.invited[invitation_id]
        inviter = self._anyone(state.invitation.invited_by.id)
        user_id = an_id("user", self._serial())
        authority = None if inviter is None else inviter.authority
        try:
            events = INVITATION.decide(state, AcceptInvitation(user_id, NOW, authority, is_member=False))
        except Refusal:
            return multiple(*NO_IDS)
        role = state.invitation.role
        assert isinstance(state, Open)
        assert inviter is not None
        assert self._within(OF_ROLE[role], inviter.powers)
        assert self._member(user_id, AddMember(user_id, ORGANIZATION_ID, role, NOW, self._census()))
        accepted = INVITATION.fold(events, state)
        assert accepted is not None
        self.invited[invitation_id] = accepted
        return multiple(user_id)

    @rule(caller_id=people | keys, user_id=people, role=roles)
    def change_role(self, caller_id: str, user_id: str, role: Role) -> None:
        caller = self._caller(caller_id, "members:write")
        before = self.members[user_id]
        if caller is None or not self._member(user_id, ChangeRole(role, NOW, caller.actor, caller.authority)):
            return
        assert isinstance(before, Member)
        assert caller_id != user_id
        assert self._within(OF_ROLE[role] - OF_ROLE[before.role], caller.powers)
        held = frozenset(authority_of(role).permissions.manage)
        for key_id in self._lineage(user_id):
            self._key(key_id, NarrowGrants(held))
        for key_id in self._lineage(user_id):
            assert self._within(self._of_key(key_id) & frozenset(GRANTS), OF_ROLE[role])

    @rule(caller_id=people | keys, user_id=people)
    def remove(self, caller_id: str, user_id: str) -> None:
        caller = self._caller(caller_id, "members:write")
        if caller is None or not self._member(user_id, RemoveMember(NOW)):
            return
        for key_id in self._lineage(user_id):
            self._key(key_id, RevokeKey(NOW, SystemActor("member_removal"), ROOM, "owner_removed"))
        assert self._lineage(user_id) == set()
        assert self._anyone(user_id) is None

    @rule(caller_id=people | keys, user_id=people)
    def transfer(self, caller_id: str, user_id: str) -> None:
        caller = self._anyone(caller_id)
        owner = next(m.user_id for m in self.members.values() if isinstance(m, Member) and m.role == "owner")
        if caller is None:
            return
        before = dict(self.members)
        handed = self._member(owner, TransferOwnership(user_id, NOW, caller.actor))
        if not handed or not self._member(user_id, ReceiveOwnership(owner, NOW)):
            self.members = before  # both or neither
            return
        assert (caller_id, "own the organization" in caller.powers) == (owner, True)

    @rule(target=keys, caller_id=people | keys, wanted=permissions, environment=environments)
    def create(self, caller_id: str, wanted: Permissions, environment: Environment) -> MultipleResults[str]:
        caller = self._caller(caller_id, "keys:write")
        if caller is None:
            return multiple(*NO_IDS)
        key_id = an_id("key", self._serial())
        command = CreateKey(
            key_id=key_id,
            organization_id=ORGANIZATION_ID,
            name="A key",
            environment=environment,
            permissions=wanted,
            secret=a_record(self.serial % 256),
            at=NOW,
            by=caller.actor,
            authority=caller.authority,
            counts=ROOM,
            known_mcps=MCPS,
        )
        if not self._key(key_id, command):
            return multiple(*NO_IDS)
        assert self._within(self._of_key(key_id), caller.powers)
        return multiple(key_id)

    @rule(caller_id=people | keys, key_id=keys, wanted=permissions)
    def change(self, caller_id: str, key_id: str, wanted: Permissions) -> None:
        caller = self._caller(caller_id, "keys:write")
        before = self._of_key(key_id)
        command = None if caller is None else ChangeKey(NOW, caller.authority, MCPS, permissions=wanted)
        if caller is not None and command is not None and self._key(key_id, command):
            assert self._within(self._of_key(key_id) - before, caller.powers)

    @rule(caller_id=people | keys, key_id=keys)
    def rotate(self, caller_id: str, key_id: str) -> None:
        """The caller receives the new secret."""
        caller = self._caller(caller_id, "keys:write")
        secret = a_record(self._serial() % 256)
        if caller is not None and self._key(key_id, RotateKey(secret, NOW, caller.authority, MCPS)):
            assert self._within(self._of_key(key_id), caller.powers)

    def _key(self, key_id: str, command: CreateKey | ChangeKey | RotateKey | NarrowGrants | RevokeKey) -> bool:
        before = self.states.get(key_id)
        try:
            events = KEY.decide(before, command)
        except Refusal:
            return False
        after = KEY.fold(events, before)
        assert after is not None
        self.states[key_id] = after
        return True

    # Invariants.

    @invariant()
    def there_is_one_owner(self) -> None:
        owners = [m for m in self.members.values() if isinstance(m, Member) and m.role == "owner"]
        assert len(owners) == (1 if self.members else 0)


People.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestPeople = People.TestCase
