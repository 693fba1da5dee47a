"""Queries on the log and its tables, for tests to wait for and compare."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from domain.keys.events import KeyExpired
from domain.secret import Secret, digest
from domain.usage.decision import AccessRequest, decide
from domain.usage.events import Code
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from projections.read_models.keys.state.queries import SQL, decode
from tests import seed
from tests.waiting import stretched


async def history(pool: Pool, organization_id: str, key_id: str) -> list[Recorded[Any]]:
    """Return the events of a key, oldest first."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    return [each for each in recorded if each.record.stream_id == key_id]


async def verification_code(pool: Pool, secret: Secret, at: datetime) -> Code:
    """Return the code of a verification at `at`."""
    presented = AccessRequest(digest=digest(secret), action="verify")
    async with pool.connection() as connection:
        row = await (await connection.execute(SQL.by_digests, ([presented.digest],))).fetchone()
    return decide(presented, decode(bytes(row[1])) if row else None, None, at, row[2] if row else 0).code


async def number(connection: Connection, query: bytes) -> int:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0] or 0


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until `condition` is true; fail after `seconds`, or later on a busy machine."""
    started = time.monotonic()
    # The load of the machine may have risen during the wait, so compute the limit again each time.
    while not await condition():
        assert time.monotonic() < started + stretched(seconds), "the condition did not become true"
        await anyio.sleep(0.05)


async def wait_for_an_expiry(pool: Pool, organization_id: str) -> Recorded[Any]:
    """Create a key that expires immediately, wait until a worker has recorded it, and return the event."""
    key_id, _ = await seed.key(pool, organization_id, expires_at=now() + timedelta(seconds=0.3))
    return await wait_for_expiry(pool, organization_id, key_id)


async def wait_for_expiry(pool: Pool, organization_id: str, key_id: str) -> Recorded[Any]:
    """Wait until the expiry of a key without other changes is recorded, and return the event."""

    async def is_recorded() -> bool:
        return len(await history(pool, organization_id, key_id)) == 2

    await eventually(is_recorded)
    _, expired = await history(pool, organization_id, key_id)
    assert isinstance(expired.event, KeyExpired)
    return expired


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
