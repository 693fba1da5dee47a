"""Changes of keys through `execute`, as the application makes them, and queries on the log."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from domain.keys.commands import ChangeKey, DisableKey, EnableKey, ExpireKey, KeyCommand, RevokeKey, RotateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.events import KeyEvent
from domain.keys.state import KeyState
from domain.plans.plan import PLANS, KeyCounts
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from eventstore.execute import Change, Write, execute, no_guard
from eventstore.idempotency import IdempotentRequest, StoredResponse
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from projections.read_models.organizations.counts.queries import keys_guard
from projections.registry import INLINE
from tests.seed import OWNER

KeyChange = Change[KeyState, KeyEvent]


def write(
    organization_id: str,
    key_id: str,
    command: Callable[[KeyCounts], KeyCommand],
    *,
    idempotency: IdempotentRequest | None = None,
    expected_revisions: frozenset[int] | None = None,
    at: datetime | None = None,
) -> Write[KeyState, KeyCommand, KeyEvent, KeyCounts]:
    """Return a change that locks the counts first, like every change that can affect them."""
    return Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=organization_id,
        command=command,
        guard=keys_guard(organization_id, PLANS),
        at=at or now(),
        origin=Origin(OWNER),
        expected_revisions=expected_revisions,
        idempotency=idempotency,
        response=lambda committed: StoredResponse(200, str(committed.revision).encode(), committed.revision),
    )


async def change_key(pool: Pool, organization_id: str, key_id: str, command: KeyCommand) -> KeyChange:
    """Execute a command that needs only the key."""
    committed = await execute(pool, write(organization_id, key_id, lambda _: command), INLINE)
    assert isinstance(committed, Change)
    return committed


async def rename(pool: Pool, organization_id: str, key_id: str, name: str) -> KeyChange:
    """Rename the key under a lock of its stream only, so that concurrent renames conflict there."""
    committed = await execute(pool, renaming(organization_id, key_id, name), INLINE)
    assert isinstance(committed, Change)
    return committed


def renaming(
    organization_id: str, key_id: str, name: str, *, idempotency: IdempotentRequest | None = None
) -> Write[KeyState, KeyCommand, KeyEvent, None]:
    at = now()
    return Write(
        decider=KEY,
        stream_id=key_id,
        organization_id=organization_id,
        command=lambda _: ChangeKey(at=at, authority=UNRESTRICTED, known_mcps={}, name=name),
        guard=no_guard(),
        at=at,
        origin=Origin(OWNER),
        idempotency=idempotency,
        response=lambda committed: StoredResponse(200, name.encode(), committed.revision),
    )


async def revoke(pool: Pool, organization_id: str, key_id: str) -> KeyChange:
    at = now()
    committed = await execute(
        pool, write(organization_id, key_id, lambda counts: RevokeKey(at=at, by=OWNER, counts=counts)), INLINE
    )
    assert isinstance(committed, Change)
    return committed


def rotation(entropy: bytes, overlap_seconds: int = 0, at: datetime | None = None) -> RotateKey:
    assert len(entropy) == ENTROPY_BYTES
    return RotateKey(
        secret=fingerprint(generate("live", entropy)),
        at=at or now(),
        authority=UNRESTRICTED,
        known_mcps={},
        overlap_seconds=overlap_seconds,
    )


def disabling() -> DisableKey:
    return DisableKey(at=now())


def enabling() -> EnableKey:
    return EnableKey(at=now(), authority=UNRESTRICTED, known_mcps={})


def expiring(at: datetime) -> ExpireKey:
    return ExpireKey(at=at)


async def rows(connection: Connection, query: LiteralString, *parameters: object) -> list[TupleRow]:
    return await (await connection.execute(query, parameters)).fetchall()


async def value(connection: Connection, query: LiteralString, *parameters: object) -> Any:  # noqa: ANN401 -- the type depends on the query
    ((found,),) = await rows(connection, query, *parameters)
    return found
