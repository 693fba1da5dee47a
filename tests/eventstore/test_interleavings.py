"""All interleavings of two connections.

The work of `execute` and of group commit is split into steps that a server can see separately. Two operations run in
every order of their steps. An operation that waits for a lock of the other continues when the lock is released.
"""
# pyright: reportPrivateUsage=false
# (the steps are the private functions that `execute` consists of)

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace as with_fields

from domain.keys.commands import CreateKey, RevokeKey
from domain.keys.delegation import UNRESTRICTED
from domain.keys.errors import KeyIsRevoked, KeyLimitReached
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.refusal import Refusal
from domain.secret import ENTROPY_BYTES, Secret, digest, fingerprint, generate
from domain.usage.decision import AccessRequest, decide
from eventstore.check import check
from eventstore.errors import ConcurrentChange, translate
from eventstore.execute import Change, Write, _decide, _load, _Loaded, _send, no_guard
from eventstore.outcome import Attempt
from eventstore.queries import SQL
from eventstore.usage_batch import Batch
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool, connect
from infrastructure.database.statements import Statement
from projections.read_models.keys.state.queries import SQL as KEY_STATE
from projections.read_models.keys.state.queries import decode
from projections.registry import INLINE, INLINE_CHECKS, USAGE_CHECKS
from tests import seed
from tests.eventstore.changes import rotation, value, write
from tests.eventstore.pipelines import append
from tests.projections.usage.uses import used
from tests.random_input import random_bytes
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

LIMIT = 10  # of the plan "pro"
CHANGE_STEPS = 4
VERIFY_STEPS = 2

_POLL_SECONDS = 0.005
"""Interval at which to check whether a step has ended or waits for a lock held by the other operation."""

Checkpoint = Callable[[str], Awaitable[None]]
Operation = Callable[[Connection, Checkpoint], Awaitable[object]]


def orders(first: int, second: int) -> Iterator[str]:
    """Yield every order of `first` steps of A and `second` steps of B, such as "ABBA"."""
    for places in combinations(range(first + second), first):
        yield "".join("A" if place in places else "B" for place in range(first + second))


class Interleaving(NamedTuple):
    """The result or refusal of each operation, and every step, such as "A commit" and "A did commit"."""

    a: object
    b: object
    steps: list[str]

    def before(self, earlier: str, later: str) -> bool:
        """Return whether `earlier` precedes `later`, at their last occurrence if an operation was retried."""
        last = {step: number for number, step in enumerate(self.steps)}
        return last[earlier] < last[later]


class Interleaver:
    """Run two operations, each over a separate connection."""

    def __init__(self, a: Connection, b: Connection, watcher: Connection) -> None:
        self._connections = {"A": a, "B": b}
        self._watcher = watcher

    async def run(self, order: str, a: Operation, b: Operation) -> Interleaving:
        permits = {name: asyncio.Semaphore(0) for name in "AB"}
        pauses = {name: asyncio.Event() for name in "AB"}
        steps: list[str] = []

        async def one(name: str, operation: Operation) -> object:
            current = "begin"

            async def checkpoint(step: str) -> None:
                nonlocal current
                steps.append(f"{name} did {current}")
                pauses[name].set()
                await permits[name].acquire()
                current = step
                steps.append(f"{name} {step}")

            try:
                return await operation(self._connections[name], checkpoint)
            except Refusal as refusal:
                await self._connections[name].rollback()
                return refusal
            finally:
                steps.append(f"{name} did {current}")
                pauses[name].set()

        tasks = {name: asyncio.create_task(one(name, operation)) for name, operation in (("A", a), ("B", b))}
        async with asyncio.timeout(60):
            await pauses["A"].wait()
            await pauses["B"].wait()
            for name in order:
                pauses[name].clear()
                permits[name].release()
                while not (pauses[name].is_set() or tasks[name].done() or await self._waits(name)):
                    with suppress(TimeoutError):
                        await asyncio.wait_for(pauses[name].wait(), _POLL_SECONDS)
            for permit in permits.values():
                for _ in range(3 * CHANGE_STEPS):
                    permit.release()
            return Interleaving(await tasks["A"], await tasks["B"], steps)

    async def _waits(self, name: str) -> bool:
        """Return whether the step of this operation waits for a lock."""
        pid = self._connections[name].info.backend_pid
        return bool(await value(self._watcher, "select cardinality(pg_blocking_pids(%s)) > 0", pid))


@pytest.fixture
async def interleaver(database_url: str, owner: Connection) -> AsyncIterator[Interleaver]:
    async with (
        await connect(database_url, timeouts=GENEROUS_TIMEOUTS) as a,
        await connect(database_url, timeouts=GENEROUS_TIMEOUTS) as b,
    ):
        yield Interleaver(a, b, owner)


def changing(write: Write[Any, Any, Any, Any]) -> Operation:
    """Return the steps of `execute`, with its three attempts."""

    async def run(connection: Connection, checkpoint: Checkpoint) -> object:
        for _ in range(3):
            try:
                await checkpoint("load")
                loaded = await _load(connection, write, Attempt())
                assert isinstance(loaded, _Loaded)
                plan = _decide(write, loaded, INLINE)
                await checkpoint("write")
                await _send(connection, plan.statements[:-1])
                await checkpoint("append")
                await _send(connection, plan.statements[-1:])
                await checkpoint("commit")
                await _send(connection, [Statement(SQL.commit, ())])
            except Exception as error:  # noqa: BLE001 -- `translate` raises it again
                await connection.rollback()
                try:
                    translate(error)
                except ConcurrentChange:
                    continue
            else:
                return plan.change
        raise ConcurrentChange

    return run


def verifying(secret: Secret) -> Operation:
    """Return the steps of group commit for one item: the result is the code, after the use is in the log."""

    async def run(connection: Connection, checkpoint: Checkpoint) -> object:
        await connection.execute(b"set role keyledger_gate")
        await checkpoint("look")
        row = await (await connection.execute(KEY_STATE.by_digests, ([digest(secret)],))).fetchone()
        assert row is not None
        decision = decide(AccessRequest(digest(secret), "verify"), decode(bytes(row[1])), None, now())
        assert decision.key is not None
        await checkpoint("record")
        use = used(decision.key.id, now(), code=decision.code, organization_id=decision.key.organization_id)
        await append(connection, Batch(new_id("evt"), 1, now(), [use]))
        await connection.execute(b"set role keyledger_app")
        return decision.code

    return run


def revoking(organization_id: str, key_id: str) -> Operation:
    at = now()
    return changing(write(organization_id, key_id, lambda counts: RevokeKey(at=at, by=seed.OWNER, counts=counts)))


def rotating(organization_id: str, key_id: str) -> Operation:
    """Return a rotation as the route does it, which locks only the key."""
    command = rotation(random_bytes(ENTROPY_BYTES))
    guarded = write(organization_id, key_id, lambda _: command)
    return changing(replace(guarded, guard=no_guard(), command=lambda _: command))  # type: ignore[arg-type]


def creating(organization_id: str) -> Operation:
    template = CreateKey(
        key_id=new_id("key"),
        organization_id=organization_id,
        name="Deploy",
        environment="live",
        permissions=Permissions(mcps="*"),
        secret=fingerprint(generate("live", random_bytes(ENTROPY_BYTES))),
        at=now(),
        by=seed.OWNER,
        authority=UNRESTRICTED,
        counts=KeyCounts(0, 0, None, "pro"),
        known_mcps={},
    )

    def command(counts: KeyCounts) -> CreateKey:
        return with_fields(template, counts=counts)

    return changing(write(organization_id, template.key_id, command))


async def is_sound(owner: Connection) -> bool:
    report = await check(owner, INLINE_CHECKS, USAGE_CHECKS)
    assert report.violations == []
    return report.ok


async def no_operation(_connection: Connection, _turn: Checkpoint) -> None:
    """Do no_operation, as the counterpart of a single operation."""


async def test_revoke_and_verify(interleaver: Interleaver, connections: Pool, owner: Connection) -> None:
    organization_id = await seed.organization(connections)
    codes: list[object] = []
    for order in orders(CHANGE_STEPS, VERIFY_STEPS):
        key_id, secret = await seed.key(connections, organization_id)
        outcome = await interleaver.run(order, revoking(organization_id, key_id), verifying(secret))
        codes.append(outcome.b)
        if outcome.before("A did commit", "B look"):
            assert outcome.b == "revoked_key", outcome
        if outcome.before("B did look", "A commit"):
            assert outcome.b == "valid", outcome
    assert set(codes) == {"valid", "revoked_key"}
    assert await is_sound(owner)


async def test_create_and_create_with_room_for_one_key(
    interleaver: Interleaver, connections: Pool, owner: Connection
) -> None:
    organization_id = await seed.organization(connections, "pro")
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(LIMIT - 1)]
    for order in orders(CHANGE_STEPS, CHANGE_STEPS):
        outcome = await interleaver.run(order, creating(organization_id), creating(organization_id))
        committed = outcome.b if isinstance(outcome.a, KeyLimitReached) else outcome.a
        assert isinstance(committed, Change), outcome
        assert isinstance(outcome.a, KeyLimitReached) or isinstance(outcome.b, KeyLimitReached), outcome
        assert await value(owner, "select keys_active from organization_guard") == LIMIT
        # Free one place again.
        keys.append(committed.stream_id)
        await interleaver.run("", revoking(organization_id, keys.pop(0)), no_operation)
    assert await is_sound(owner)


async def test_rotate_and_revoke(interleaver: Interleaver, connections: Pool, owner: Connection) -> None:
    organization_id = await seed.organization(connections)
    outcomes: set[str] = set()
    for order in orders(CHANGE_STEPS, CHANGE_STEPS):
        key_id, secret = await seed.key(connections, organization_id)
        outcome = await interleaver.run(order, rotating(organization_id, key_id), revoking(organization_id, key_id))
        assert isinstance(outcome.b, Change), outcome
        rotated = isinstance(outcome.a, Change)
        assert rotated or isinstance(outcome.a, KeyIsRevoked), outcome
        outcomes.add("rotated, then revoked" if rotated else "revoked")
        between = ["api_key.rotated", "api_key.secret_retired"] if rotated else []
        types = "select array_agg(type order by version) from events where stream_id = %s"
        assert await value(owner, types, key_id) == ["api_key.created", *between, "api_key.revoked"], outcome
        assert (await interleaver.run("", verifying(secret), no_operation)).a == "revoked_key"
    assert outcomes == {"rotated, then revoked", "revoked"}
    assert await is_sound(owner)
