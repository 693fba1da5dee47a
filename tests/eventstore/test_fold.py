"""I4: after every command, in any order, the verification table and the guard equal a fold of the log."""

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from domain.keys.commands import ChangeKey, CreateKey, ExpireKey, KeyCommand, RetireSecrets, RevokeKey
from domain.keys.delegation import UNRESTRICTED
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.refusal import Refusal
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from eventstore.check import check
from eventstore.execute import Change, execute
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool, connect, pool
from projections.registry import INLINE, INLINE_CHECKS, USAGE_CHECKS
from tests import seed
from tests.eventstore.changes import change_key, disabling, enabling, rotation, write
from tests.random_input import random_bytes

LIMIT = 10  # of the plan "pro"

picks = st.integers(min_value=0, max_value=4)


class Commands(RuleBasedStateMachine):
    """One organization, a few keys, and a clock that advances by hours."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._pool: Pool = self._runner.run(self._opened(pool(self.url)))
        self._observer: Connection = self._runner.run(connect(self.url, role=None))
        self._at = now()
        self._keys: list[str] = []
        self._changed = False
        self._organization_id = ""

    @staticmethod
    async def _opened(connections: Pool) -> Pool:
        await connections.open()
        return connections

    def teardown(self) -> None:
        self._runner.run(self._pool.close())
        self._runner.run(self._observer.close())
        self._runner.close()

    @initialize()
    def create_organization(self) -> None:
        self._organization_id = self._runner.run(seed.organization(self._pool, "pro"))

    @rule(hours=st.none() | st.integers(min_value=1, max_value=4))
    def create(self, hours: int | None) -> None:
        at = self._at
        template = CreateKey(
            key_id=new_id("key"),
            organization_id=self._organization_id,
            name="Deploy",
            environment="live",
            permissions=Permissions(mcps="*"),
            secret=fingerprint(generate("live", random_bytes(ENTROPY_BYTES))),
            at=at,
            by=seed.OWNER,
            authority=UNRESTRICTED,
            counts=KeyCounts(0, 0, None, "pro"),
            known_mcps={},
            expires_at=None if hours is None else at + timedelta(hours=hours),
        )

        def command(counts: KeyCounts) -> CreateKey:
            return replace(template, counts=counts)

        self._keys.append(template.key_id)
        try:
            committed = self._runner.run(
                execute(self._pool, write(self._organization_id, template.key_id, command, at=at), INLINE)
            )
        except Refusal:
            self._keys.remove(template.key_id)
        else:
            assert isinstance(committed, Change)
            self._changed = True

    def _do(self, pick: int, command: KeyCommand) -> None:
        key_id = self._keys[pick % len(self._keys)]
        try:
            committed = self._runner.run(change_key(self._pool, self._organization_id, key_id, command))
        except Refusal:
            return
        self._changed = self._changed or bool(committed.events)

    @precondition(lambda self: self._keys)
    @rule(pick=picks, name=st.sampled_from(["Deploy", "Test"]), everything=st.booleans())
    def change(self, pick: int, name: str, everything: bool) -> None:  # noqa: FBT001
        permissions = Permissions(mcps="*" if everything else ())
        self._do(
            pick,
            ChangeKey(at=self._at, authority=UNRESTRICTED, known_mcps={}, name=name, permissions=permissions),
        )

    @precondition(lambda self: self._keys)
    @rule(pick=picks, overlap_seconds=st.sampled_from([0, 3_600]))
    def rotate(self, pick: int, overlap_seconds: int) -> None:
        self._do(pick, rotation(random_bytes(ENTROPY_BYTES), overlap_seconds, at=self._at))

    @precondition(lambda self: self._keys)
    @rule(pick=picks)
    def disable(self, pick: int) -> None:
        self._do(pick, disabling())

    @precondition(lambda self: self._keys)
    @rule(pick=picks)
    def enable(self, pick: int) -> None:
        self._do(pick, enabling())

    @precondition(lambda self: self._keys)
    @rule(pick=picks)
    def revoke(self, pick: int) -> None:
        self._do(pick, RevokeKey(at=self._at, by=seed.OWNER, counts=KeyCounts(9, 0, None, "pro")))

    @precondition(lambda self: self._keys)
    @rule(pick=picks, hours=st.integers(min_value=0, max_value=3))
    def time_passes(self, pick: int, hours: int) -> None:
        self._at += timedelta(hours=hours)
        self._do(pick, ExpireKey(at=self._at))
        self._do(pick, RetireSecrets(at=self._at))

    @precondition(lambda self: self._changed)
    @invariant()
    def stored_state_equals_the_log(self) -> None:
        report = self._runner.run(check(self._observer, INLINE_CHECKS, USAGE_CHECKS))
        assert report.violations == []
        self._changed = False

    @precondition(lambda self: self._organization_id)
    @invariant()
    def the_key_limit_is_respected(self) -> None:
        assert self._runner.run(self._used()) <= LIMIT

    async def _used(self) -> int:
        cursor = await self._observer.execute(
            "select keys_active + keys_disabled from organization_guard where organization_id = %s",
            (self._organization_id,),
        )
        row = await cursor.fetchone()
        return row[0] if row else 0


def test_tables_equal_the_log_after_any_order_of_commands(database_url: str) -> None:
    machine = type("InThisDatabase", (Commands,), {"url": database_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
