"""All interleavings of two connections.

What `execute` and group commit send is cut into steps, as a server can see them one by one, and two stories of such
steps are told in every order. A story that waits for a lock of the other goes on when that has let go of it.
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
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool, connect
from infrastructure.database.statements import Statement
from projections.read_models.keys.state.queries import by_digests, decode
from projections.registry import INLINE, INLINE_CHECKS, USAGE_CHECKS
from tests import seed
from tests.eventstore.changes import rotation, value, write
from tests.projections.usage.uses import used
from tests.random_input import random_bytes
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

LIMIT = 10  # of the plan "pro"
CHANGE_STEPS = 4
VERIFY_STEPS = 2

_LOOK_SECONDS = 0.005
"""How often it is looked whether a step is over, or waits for a lock that the other story holds."""

Turn = Callable[[str], Awaitable[None]]
Tell = Callable[[Connection, Turn], Awaitable[object]]


def orders(first: int, second: int) -> Iterator[str]:
    """Every order of `first` steps of A and `second` steps of B, such as "ABBA"."""
    for places in combinations(range(first + second), first):
        yield "".join("A" if place in places else "B" for place in range(first + second))


class Told(NamedTuple):
    """What each story gave, or the refusal it ended with; and every step, such as "A commit" and "A did commit"."""

    a: object
    b: object
    said: list[str]

    def before(self, earlier: str, later: str) -> bool:
        """Whether `earlier` was said before `later`; the last time, where a story had to begin again."""
        last = {step: number for number, step in enumerate(self.said)}
        return last[earlier] < last[later]


class Teller:
    """Tells two stories, each over a connection of its own."""

    def __init__(self, a: Connection, b: Connection, watcher: Connection) -> None:
        self._connections = {"A": a, "B": b}
        self._watcher = watcher

    async def tell(self, order: str, a: Tell, b: Tell) -> Told:
        permits = {name: asyncio.Semaphore(0) for name in "AB"}
        pauses = {name: asyncio.Event() for name in "AB"}
        said: list[str] = []

        async def one(name: str, story: Tell) -> object:
            under_way = "begin"

            async def turn(step: str) -> None:
                nonlocal under_way
                said.append(f"{name} did {under_way}")
                pauses[name].set()
                await permits[name].acquire()
                under_way = step
                said.append(f"{name} {step}")

            try:
                return await story(self._connections[name], turn)
            except Refusal as refusal:
                await self._connections[name].rollback()
                return refusal
            finally:
                said.append(f"{name} did {under_way}")
                pauses[name].set()

        tasks = {name: asyncio.create_task(one(name, story)) for name, story in (("A", a), ("B", b))}
        async with asyncio.timeout(60):
            await pauses["A"].wait()
            await pauses["B"].wait()
            for name in order:
                pauses[name].clear()
                permits[name].release()
                while not (pauses[name].is_set() or tasks[name].done() or await self._waits(name)):
                    with suppress(TimeoutError):
                        await asyncio.wait_for(pauses[name].wait(), _LOOK_SECONDS)
            for permit in permits.values():
                for _ in range(3 * CHANGE_STEPS):
                    permit.release()
            return Told(await tasks["A"], await tasks["B"], said)

    async def _waits(self, name: str) -> bool:
        """Whether the step of this story waits for a lock."""
        pid = self._connections[name].info.backend_pid
        return bool(await value(self._watcher, "select cardinality(pg_blocking_pids(%s)) > 0", pid))


@pytest.fixture
async def teller(database_url: str, owner: Connection) -> AsyncIterator[Teller]:
    async with (
        await connect(database_url, timeouts=GENEROUS_TIMEOUTS) as a,
        await connect(database_url, timeouts=GENEROUS_TIMEOUTS) as b,
    ):
        yield Teller(a, b, owner)


def changing(write: Write[Any, Any, Any, Any]) -> Tell:
    """`execute`, one step at a time, with its three attempts."""

    async def tell(connection: Connection, turn: Turn) -> object:
        for _ in range(3):
            try:
                await turn("load")
                loaded = await _load(connection, write, Attempt())
                assert isinstance(loaded, _Loaded)
                plan = _decide(write, loaded, INLINE)
                await turn("write")
                await _send(connection, plan.statements[:-1])
                await turn("append")
                await _send(connection, plan.statements[-1:])
                await turn("commit")
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

    return tell


def verifying(secret: Secret) -> Tell:
    """What group commit does with one question: gives the code, after the use is in the log."""

    async def tell(connection: Connection, turn: Turn) -> object:
        await connection.execute(b"set role keyledger_gate")
        await turn("look")
        row = await (await connection.execute(*by_digests([digest(secret)]))).fetchone()
        assert row is not None
        verdict = decide(AccessRequest(digest(secret), "verify"), decode(bytes(row[1])), None, now())
        assert verdict.key is not None
        await turn("record")
        use = used(verdict.key.id, now(), code=verdict.code, organization_id=verdict.key.organization_id)
        await append_once(connection, Batch(new_id("evt"), 1, now(), [use]))
        await connection.execute(b"set role keyledger_app")
        return verdict.code

    return tell


def revoking(organization_id: str, key_id: str) -> Tell:
    at = now()
    return changing(write(organization_id, key_id, lambda census: RevokeKey(at=at, by=seed.OWNER, census=census)))


def rotating(organization_id: str, key_id: str) -> Tell:
    """As the route does it: nothing is locked but the key."""
    command = rotation(random_bytes(ENTROPY_BYTES))
    guarded = write(organization_id, key_id, lambda _: command)
    return changing(replace(guarded, guard=no_guard(), command=lambda _: command))  # type: ignore[arg-type]


def creating(organization_id: str) -> Tell:
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
        census=KeyCounts(0, 0, None, "pro"),
        known_mcps={},
    )

    def command(census: KeyCounts) -> CreateKey:
        return with_fields(template, census=census)

    return changing(write(organization_id, template.key_id, command))


async def sound(owner: Connection) -> bool:
    report = await check(owner, INLINE_CHECKS, USAGE_CHECKS)
    assert report.violations == []
    return report.ok


async def nothing(_connection: Connection, _turn: Turn) -> None:
    """The other story of one who is alone."""


async def test_revoke_and_verify(teller: Teller, connections: Pool, owner: Connection) -> None:
    organization_id = await seed.organization(connections)
    codes: list[object] = []
    for order in orders(CHANGE_STEPS, VERIFY_STEPS):
        key_id, secret = await seed.key(connections, organization_id)
        told = await teller.tell(order, revoking(organization_id, key_id), verifying(secret))
        codes.append(told.b)
        if told.before("A did commit", "B look"):
            assert told.b == "revoked_key", told
        if told.before("B did look", "A commit"):
            assert told.b == "valid", told
    assert set(codes) == {"valid", "revoked_key"}
    assert await sound(owner)


async def test_create_and_create_when_there_is_room_for_one(
    teller: Teller, connections: Pool, owner: Connection
) -> None:
    organization_id = await seed.organization(connections, "pro")
    keys = [(await seed.key(connections, organization_id))[0] for _ in range(LIMIT - 1)]
    for order in orders(CHANGE_STEPS, CHANGE_STEPS):
        told = await teller.tell(order, creating(organization_id), creating(organization_id))
        made = told.b if isinstance(told.a, KeyLimitReached) else told.a
        assert isinstance(made, Change), told
        assert isinstance(told.a, KeyLimitReached) or isinstance(told.b, KeyLimitReached), told
        assert await value(owner, "select keys_active from organization_guard") == LIMIT
        # Room for one again.
        keys.append(made.stream_id)
        await teller.tell("", revoking(organization_id, keys.pop(0)), nothing)
    assert await sound(owner)


async def test_rotate_and_revoke(teller: Teller, connections: Pool, owner: Connection) -> None:
    organization_id = await seed.organization(connections)
    outcomes: set[str] = set()
    for order in orders(CHANGE_STEPS, CHANGE_STEPS):
        key_id, secret = await seed.key(connections, organization_id)
        told = await teller.tell(order, rotating(organization_id, key_id), revoking(organization_id, key_id))
        assert isinstance(told.b, Change), told
        rotated = isinstance(told.a, Change)
        assert rotated or isinstance(told.a, KeyIsRevoked), told
        outcomes.add("rotated, then revoked" if rotated else "revoked")
        between = ["api_key.rotated", "api_key.secret_retired"] if rotated else []
        types = "select array_agg(type order by version) from events where stream_id = %s"
        assert await value(owner, types, key_id) == ["api_key.created", *between, "api_key.revoked"], told
        assert (await teller.tell("", verifying(secret), nothing)).a == "revoked_key"
    assert outcomes == {"rotated, then revoked", "revoked"}
    assert await sound(owner)
