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
FEW_GRANTS = GRANTS[:2]
SOME_GRANTS = GRANTS[:3]
TOOLS = ("get_a", "get_b", "list")
HORIZON = (1, 10, 20, 30, 10**8)
ADDRESSES = ("10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1")


NO_KEYS: tuple[str, ...] = ()


class Question(NamedTuple):
    mcp_id: str | None
    tool: str | None
    grant: Grant | None
    ip: str
    instant: int


QUESTIONS = frozenset(
    [
        Question(mcp_id, tool, None, ip, instant)
        for mcp_id, tool, ip, instant in product(MCPS, TOOLS, ADDRESSES, HORIZON)
    ]
    + [Question(None, None, grant, ip, instant) for grant, ip, instant in product(SOME_GRANTS, ADDRESSES, HORIZON)]
)
GIVEN_BY_ADMIN = frozenset(
    question for question in QUESTIONS if question.grant not in set(SOME_GRANTS) - set(FEW_GRANTS)
)


class Caller(NamedTuple):
    actor: Actor
    authority: Scope
    has: frozenset[Question]


@lru_cache(maxsize=64)
def presented(digest: str) -> tuple[tuple[Question, AccessRequest, McpFacts | None, datetime], ...]:
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


def opened(state: Existing) -> frozenset[Question]:
    """Return every question for which the key's current secret is accepted."""
    requests = presented(state.key.current_secret.digest)
    return frozenset(
        q for q, presentation, mcp, instant in requests if decide(presentation, state, mcp, instant).accepted
    )


patterns = st.sampled_from(["*", "get_*", "get_a", "list", "[!l]*"])
tool_rules = st.builds(
    ToolRule,
    allow=st.none() | st.lists(patterns, max_size=2).map(tuple),
    deny=st.lists(patterns, max_size=1).map(tuple),
)
a_permission = st.builds(
    Permissions,
    mcps=st.just("*") | st.lists(st.sampled_from(sorted(MCPS)), unique=True).map(tuple),
    tools=st.dictionaries(st.sampled_from([LIVE_MCP, TEST_MCP]), tool_rules, max_size=2),
    manage=st.lists(st.sampled_from(SOME_GRANTS), unique=True).map(tuple),
)
environments: st.SearchStrategy[Environment] = st.sampled_from(["live", "test"])
expiries = st.none() | st.sampled_from(HORIZON[1:]).map(at)
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
        self.opens: dict[str, frozenset[Question]] = {}
        self.given_by_people: frozenset[Question] = frozenset()
        self.revoked: set[str] = set()
        self.secrets: dict[str, list[SecretRecord]] = {}
        self.ended: set[tuple[str, str]] = set()

    @initialize(target=callers)
    def people(self) -> MultipleResults[str]:
        return multiple(OWNER.id, ADMIN.id)

    # Callers.

    def _caller(self, caller: str) -> Caller | None:
        """Return the caller, or None for a key that is no longer accepted."""
        if caller == OWNER.id:
            return Caller(OWNER, UNRESTRICTED, QUESTIONS)
        if caller == ADMIN.id:
            return Caller(ADMIN, Scope(Permissions(mcps="*", manage=FEW_GRANTS)), GIVEN_BY_ADMIN)
        state = self.states[caller]
        if not isinstance(state, Active) or state.key.has_expired(at(self.now)):
            return None
        return Caller(KeyActor(caller), scope_of(state.key), self.opens[caller])

    def _new_secret(self) -> SecretRecord:
        self.serial += 1
        return replace(a_record(), digest=f"{self.serial:064x}")

    def _ahead(self, questions: frozenset[Question]) -> frozenset[Question]:
        return frozenset(question for question in questions if question.instant >= self.now)

    # Commands and their postconditions.

    def _do(self, key_id: str, command: KeyCommand) -> bool:
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
            self.opens[key_id] = opened(after)
            assert msgspec.json.decode(msgspec.json.encode(after), type=Existing) == after
        return True

    def _give(self, caller: Caller, key_id: str, command: KeyCommand) -> None:
        """Execute a command that can grant access, and check that the caller neither adds nor receives access they
        lack.
        """
        before = self.opens.get(key_id, frozenset())
        if not self._do(key_id, command):
            return
        after = self._ahead(self.opens[key_id])
        new_secret = isinstance(command, CreateKey | RotateKey)
        assert after <= (caller.has if new_secret else caller.has | before)
        if isinstance(caller.actor, UserActor):
            self.given_by_people |= after

    @rule(seconds=st.sampled_from([1, 5, 11]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(
        target=keys,
        caller_id=callers | keys,
        permissions=a_permission,
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
        self._give(caller, command.key_id, command)
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
                "permissions": a_permission,
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
        self._give(caller, key_id, command)

    @rule(
        caller_id=callers | keys,
        key_id=keys,
        overlap=st.sampled_from([0, 0, 5, 1000]),
        old=st.none() | st.integers(0, 5),
    )
    def rotate(self, caller_id: str, key_id: str, overlap: int, old: int | None) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        known = self.secrets[key_id]
        secret = self._new_secret() if old is None else known[old % len(known)]
        was_current = secret == self.states[key_id].key.current_secret.record
        command = RotateKey(
            secret=secret, at=at(self.now), authority=caller.authority, known_mcps=MCPS, overlap_seconds=overlap
        )
        revision = self.states[key_id].key.revision
        self._give(caller, key_id, command)
        rotated = self.states[key_id].key.revision > revision
        assert not (rotated and was_current)
        if rotated:
            known.append(secret)

    @rule(caller_id=callers | keys, key_id=keys)
    def enable(self, caller_id: str, key_id: str) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        self._give(caller, key_id, EnableKey(at=at(self.now), authority=caller.authority, known_mcps=MCPS))

    @rule(key_id=keys)
    def disable(self, key_id: str) -> None:
        self._do(key_id, DisableKey(at(self.now)))

    @precondition(lambda self: len(self.states) > 2)
    @rule(caller_id=callers | keys, key_id=keys)
    def revoke(self, caller_id: str, key_id: str) -> None:
        caller = self._caller(caller_id)
        if caller is None:
            return
        active = sum(isinstance(state, Active) for state in self.states.values())
        counts = KeyCounts(active=active, disabled=0, limit=None, plan="team")
        if self._do(key_id, RevokeKey(at=at(self.now), by=caller.actor, counts=counts)):
            self.revoked.add(key_id)

    @rule(key_id=keys, make=st.sampled_from([ExpireKey, RetireSecrets]))
    def run_scheduled_job(self, key_id: str, make: Callable[..., ExpireKey | RetireSecrets]) -> None:
        before = self.opens[key_id]
        assert self._do(key_id, make(at=at(self.now)))
        assert self._ahead(self.opens[key_id]) == self._ahead(before)

    # Invariants.

    @invariant()
    def the_keys_together_open_only_what_people_opened(self) -> None:
        for opens in self.opens.values():
            assert self._ahead(opens) <= self.given_by_people

    @invariant()
    def a_revoked_key_stays_revoked(self) -> None:
        for key_id in self.revoked:
            state = self.states[key_id]
            assert isinstance(state, Revoked)
            assert self.opens[key_id] == frozenset()

    @invariant()
    def an_ended_secret_never_becomes_valid(self) -> None:
        for key_id, state in self.states.items():
            for secret in self.secrets.get(key_id, []):
                code = self._plain_code(state, secret.digest)
                held = next((version for version in state.key.secrets if version.digest == secret.digest), None)
                if held is None or not held.is_valid(at(self.now)):
                    self.ended.add((key_id, secret.digest))
                if (key_id, secret.digest) in self.ended:
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

    def _plain_code(self, state: Existing, digest: str) -> str:
        return decide(AccessRequest(bytes.fromhex(digest), "verify"), state, None, at(self.now)).code


Sequences.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSequences = Sequences.TestCase
