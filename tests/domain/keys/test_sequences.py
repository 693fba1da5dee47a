"""Random sequences of commands by an owner, an admin and their keys, checked against the results of verification.

A key's access is measured from outside: every question in `QUESTIONS` goes to `decision.decide`, for every address and
every future instant. No check repeats the logic of `domain/keys/delegation.py`.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from msgspec.structs import replace

from domain.actor import Actor, KeyActor, UserActor
from domain.environment import Environment
from domain.grants import GRANTS, Grant
from domain.keys.commands import (
    ChangeKey,
    CreateKey,
    DisableKey,
    EnableKey,
    ExpireKey,
    KeyCommand,
    RetireSecrets,
    RevokeKey,
    RotateKey,
)
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED, Scope, scope_of
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.state import Active, Existing, Revoked
from domain.plans.plan import KeyCounts
from domain.refusal import Refusal
from domain.secret import SecretRecord
from domain.usage.decision import AccessRequest, McpFacts, decide
from tests.domain.sample import LIVE_MCP, MCPS, ORGANIZATION_ID, OWNER, ROOM, TEST_MCP, a_record, an_id, at

ADMIN = UserActor(an_id("user", 1))
ADMIN_GRANTS = GRANTS[:2]
SOME_GRANTS = GRANTS[:3]
TOOLS = ("get_a", "get_b", "list")
INSTANTS = (1, 10, 20, 30, 10**8)
"""Seconds after `NOW` at which access is measured."""

ADDRESSES = ("10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1")

NO_KEYS: tuple[str, ...] = ()
"""The argument of `multiple` in a rule that created no key."""


class Question(NamedTuple):
    """A use of a key to ask about: a call of a tool of an MCP, or a grant, from an address at an instant."""

    mcp_id: str | None
    tool: str | None
    grant: Grant | None
    ip: str
    instant: int


QUESTIONS = frozenset(
    [
        Question(mcp_id, tool, None, ip, instant)
        for mcp_id, tool, ip, instant in product(MCPS, TOOLS, ADDRESSES, INSTANTS)
    ]
    + [Question(None, None, grant, ip, instant) for grant, ip, instant in product(SOME_GRANTS, ADDRESSES, INSTANTS)]
)
ADMIN_ACCESS = frozenset(
    question for question in QUESTIONS if question.grant not in set(SOME_GRANTS) - set(ADMIN_GRANTS)
)


class Caller(NamedTuple):
    """A caller of commands. `authority` limits what it may grant, and `access` is what it has itself."""

    actor: Actor
    authority: Scope
    access: frozenset[Question]


@lru_cache(maxsize=64)
def requests_for(digest: str) -> tuple[tuple[Question, AccessRequest, McpFacts | None, datetime], ...]:
    """Return every question, and the arguments of `decide` that ask it for the secret with this digest."""
    return tuple(
        (
            question,
            AccessRequest(
                digest=bytes.fromhex(digest),
                action="call",
                mcp_id=question.mcp_id,
                tool=question.tool,
                grant=question.grant,
                ip=question.ip,
            ),
            McpFacts(question.mcp_id, ORGANIZATION_ID, MCPS[question.mcp_id]) if question.mcp_id else None,
            at(question.instant),
        )
        for question in QUESTIONS
    )


def access_of(state: Existing) -> frozenset[Question]:
    """Return every question for which the key's current secret is accepted."""
    requests = requests_for(state.key.current_secret.digest)
    return frozenset(
        question for question, request, mcp, instant in requests if decide(request, state, mcp, instant).accepted
    )


patterns = st.sampled_from(["*", "get_*", "get_a", "list", "[!l]*"])
tool_rules = st.builds(
    ToolRule,
    allow=st.none() | st.lists(patterns, max_size=2).map(tuple),
    deny=st.lists(patterns, max_size=1).map(tuple),
)
permission_sets = st.builds(
    Permissions,
    mcps=st.just("*") | st.lists(st.sampled_from(sorted(MCPS)), unique=True).map(tuple),
    tools=st.dictionaries(st.sampled_from([LIVE_MCP, TEST_MCP]), tool_rules, max_size=2),
    manage=st.lists(st.sampled_from(SOME_GRANTS), unique=True).map(tuple),
)
environments: st.SearchStrategy[Environment] = st.sampled_from(["live", "test"])
expiries = st.none() | st.sampled_from(INSTANTS[1:]).map(at)
address_lists = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "::/0", "::ffff:10.0.0.0/104"]), max_size=2
).map(tuple)


class Sequences(RuleBasedStateMachine):
    keys = Bundle[str]("keys")
    callers = Bundle[str]("callers")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.serial = 0
        self.states: dict[str, Existing] = {}
        self.access: dict[str, frozenset[Question]] = {}
        self.granted_by_users: frozenset[Question] = frozenset()
        self.revoked: set[str] = set()
        self.secrets: dict[str, list[SecretRecord]] = {}
        self.ended_secrets: set[tuple[str, str]] = set()

    @initialize(target=callers)
    def people(self) -> MultipleResults[str]:
        return multiple(OWNER.id, ADMIN.id)

    # Callers.

    def _caller(self, caller: str) -> Caller | None:
        """Return the caller, or None for a key that is no longer accepted."""
        if caller == OWNER.id:
            return Caller(OWNER, UNRESTRICTED, QUESTIONS)
        if caller == ADMIN.id:
            return Caller(ADMIN, Scope(Permissions(mcps="*", manage=ADMIN_GRANTS)), ADMIN_ACCESS)
        state = self.states[caller]
        if not isinstance(state, Active) or state.key.has_expired(at(self.now)):
            return None
        return Caller(KeyActor(caller), scope_of(state.key), self.access[caller])

    def _new_secret(self) -> SecretRecord:
        self.serial += 1
        return replace(a_record(), digest=f"{self.serial:064x}")

    def _not_past(self, questions: frozenset[Question]) -> frozenset[Question]:
        """Return the questions about now or later."""
        return frozenset(question for question in questions if question.instant >= self.now)

    # Commands and their postconditions.

    def _execute(self, key_id: str, command: KeyCommand) -> bool:
        """Execute the command and return whether it was accepted; if so, repeating it produces no event."""
        before = self.states.get(key_id)
        try:
            events = KEY.decide(before, command)
        except Refusal:
            return False
        after = KEY.fold(events, before)
        assert after is not None
        assert after.key.revision == (before.key.revision if before else 0) + len(events)
        self.states[key_id] = after
        if not isinstance(command, CreateKey):
            assert KEY.decide(after, command) == ()
        if events:
            self.access[key_id] = access_of(after)
            assert msgspec.json.decode(msgspec.json.encode(after), type=Existing) == after
        return True

    def _execute_grant(self, caller: Caller, key_id: str, command: KeyCommand) -> None:
        """Execute a command that can grant access, and check that it grants only access that the caller has.

        A new secret is known to the caller, so none of the access of the key may exceed that of the caller.
        """
        before = self.access.get(key_id, frozenset())
        if not self._execute(key_id, command):
            return
        after = self._not_past(self.access[key_id])
        new_secret = isinstance(command, CreateKey | RotateKey)
        assert after <= (caller.access if new_secret else caller.access | before)
        if isinstance(caller.actor, UserActor):
            self.granted_by_users |= after

    @rule(seconds=st.sampled_from([1, 5, 11]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(
        target=keys,
        caller_id=callers | keys,
        permissions=permission_sets,
        environment=environments,
        expires_at=expiries,
        allowed_ips=address_lists,
    )
    def create(
        self,
        caller_id: str,
        permissions: Permissions,
        environment: Environment,
        expires_at: object,
        allowed_ips: tuple[str, ...],
    ) -> MultipleResults[str]:
        caller = self._caller(caller_id)
        if caller is None:
            return multiple(*NO_KEYS)
        command = CreateKey(
            key_id=an_id("key", len(self.states)),
            organization_id=ORGANIZATION_ID,
            name="A key",
            environment=environment,
            permissions=permissions,
            secret=self._new_secret(),
            at=at(self.now),
            by=caller.actor,
            authority=caller.authority,
            counts=ROOM,
            known_mcps=MCPS,
            allowed_ips=allowed_ips,
        )
        command = replace(command, expires_at=expires_at)
        self._execute_grant(caller, command.key_id, command)
        if command.key_id not in self.states:
            return multiple(*NO_KEYS)
        self.secrets[command.key_id] = [command.secret]
        return multiple(command.key_id)

    @rule(
        caller_id=callers | keys,
        key_id=keys,
        change=st.fixed_dictionaries(
            {},
            optional={
                "permissions": permission_sets,
                "expires_at": expiries,
                "allowed_ips": address_lists,
                "name": st.sampled_from(["A key", "Another"]),
            },
        ),
    )
    def change(self, caller_id: str, key_id: str, change: dict[str, object]) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        command = replace(ChangeKey(at=at(self.now), authority=caller.authority, known_mcps=MCPS), **change)
        self._execute_grant(caller, key_id, command)

    @rule(
        caller_id=callers | keys,
        key_id=keys,
        overlap=st.sampled_from([0, 0, 5, 1000]),
        reused=st.none() | st.integers(0, 5),
    )
    def rotate(self, caller_id: str, key_id: str, overlap: int, reused: int | None) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        known = self.secrets[key_id]
        secret = self._new_secret() if reused is None else known[reused % len(known)]
        was_current = secret == self.states[key_id].key.current_secret.record
        command = RotateKey(
            secret=secret, at=at(self.now), authority=caller.authority, known_mcps=MCPS, overlap_seconds=overlap
        )
        revision = self.states[key_id].key.revision
        self._execute_grant(caller, key_id, command)
        rotated = self.states[key_id].key.revision > revision
        assert not (rotated and was_current)
        if rotated:
            known.append(secret)

    @rule(caller_id=callers | keys, key_id=keys)
    def enable(self, caller_id: str, key_id: str) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        self._execute_grant(caller, key_id, EnableKey(at=at(self.now), authority=caller.authority, known_mcps=MCPS))

    @rule(key_id=keys)
    def disable(self, key_id: str) -> None:
        self._execute(key_id, DisableKey(at(self.now)))

    @precondition(lambda self: len(self.states) > 2)
    @rule(caller_id=callers | keys, key_id=keys)
    def revoke(self, caller_id: str, key_id: str) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        active = sum(isinstance(state, Active) for state in self.states.values())
        counts = KeyCounts(active=active, disabled=0, limit=None, plan="team")
        if self._execute(key_id, RevokeKey(at=at(self.now), by=caller.actor, counts=counts)):
            self.revoked.add(key_id)

    @rule(key_id=keys, make=st.sampled_from([ExpireKey, RetireSecrets]))
    def run_scheduled_job(self, key_id: str, make: Callable[..., ExpireKey | RetireSecrets]) -> None:
        before = self.access[key_id]
        assert self._execute(key_id, make(at=at(self.now)))
        assert self._not_past(self.access[key_id]) == self._not_past(before)

    # Invariants.

    @invariant()
    def no_key_has_access_that_no_user_granted(self) -> None:
        for access in self.access.values():
            assert self._not_past(access) <= self.granted_by_users

    @invariant()
    def a_revoked_key_stays_revoked(self) -> None:
        for key_id in self.revoked:
            state = self.states[key_id]
            assert isinstance(state, Revoked)
            assert self.access[key_id] == frozenset()

    @invariant()
    def an_ended_secret_never_becomes_valid(self) -> None:
        for key_id, state in self.states.items():
            for secret in self.secrets.get(key_id, []):
                code = self._code_of(state, secret.digest)
                held = next((version for version in state.key.secrets if version.digest == secret.digest), None)
                if held is None or not held.is_valid(at(self.now)):
                    self.ended_secrets.add((key_id, secret.digest))
                if (key_id, secret.digest) in self.ended_secrets:
                    assert code in {"revoked_key", "expired_key"}

    @invariant()
    def the_current_secret_is_the_newest_and_the_only_one_without_an_end(self) -> None:
        for state in self.states.values():
            versions = [secret.version for secret in state.key.secrets]
            assert versions == sorted(set(versions))
            assert [secret.valid_until is None for secret in state.key.secrets] == [False] * (len(versions) - 1) + [
                True
            ]
            assert len({secret.digest for secret in state.key.secrets}) == len(versions)
            assert len(versions) <= 21

    def _code_of(self, state: Existing, digest: str) -> str:
        return decide(AccessRequest(bytes.fromhex(digest), "verify"), state, None, at(self.now)).code


Sequences.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSequences = Sequences.TestCase
