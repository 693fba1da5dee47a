"""Uses of keys, and writing them to the log in batches of any producer."""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count

from domain.usage.events import Action, CallCompleted, CallStatus, Code, KeyUsed, UsageEvent
from eventstore.usage_batch import Batch
from infrastructure.clock import new_event_id
from infrastructure.database.connections import Connection
from tests.eventstore.pipelines import append as append_batch

_sequences = count(1)


def used(
    key_id: str | None,
    at: datetime,
    *,
    action: Action = "verify",
    code: Code = "valid",
    organization_id: str | None = "org_a",
    mcp_id: str | None = None,
    tool: str | None = None,
    secret_version: int | None = 1,
    caller_key_id: str | None = None,
    billed: bool = False,
) -> KeyUsed:
    return KeyUsed(
        id=new_event_id(),
        occurred_at=at,
        action=action,
        code=code,
        organization_id=organization_id if key_id else None,
        key_id=key_id,
        secret_version=secret_version if key_id else None,
        mcp_id=mcp_id,
        tool=tool,
        caller_key_id=caller_key_id,
        billed=billed,
    )


def completed(
    key_id: str,
    at: datetime,
    *,
    mcp_id: str = "mcp_a",
    status: CallStatus = "success",
    latency_ms: int = 12,
    call_id: str | None = None,
    organization_id: str = "org_a",
) -> CallCompleted:
    return CallCompleted(
        id=new_event_id(),
        occurred_at=at,
        call_id=call_id or new_event_id(),
        organization_id=organization_id,
        key_id=key_id,
        mcp_id=mcp_id,
        tool="search",
        status=status,
        latency_ms=latency_ms,
    )


def some_of_everything(dice: random.Random, keys: Sequence[str], at: datetime, size: int) -> list[UsageEvent]:
    """Return `size` varied events: accepted, denied, unauthenticated, management, and ends of calls."""
    events: list[UsageEvent] = []
    for _ in range(size):
        key_id = dice.choice(keys)
        match dice.randrange(10):
            case 0:
                events.append(used(None, at, code="unauthorized", mcp_id="made-up", tool="made-up"))
            case 1:
                events.append(used(key_id, at, code="expired_key"))
            case 2:
                events.append(used(key_id, at, action="manage"))
            case 3 | 4:
                events.append(completed(key_id, at))
            case 5 | 6:
                events.append(used(key_id, at, action="call", mcp_id="mcp_a", tool=dice.choice(("search", "fetch"))))
            case _:
                events.append(used(key_id, at, secret_version=dice.choice((1, 2)), caller_key_id=dice.choice(keys)))
    return events


async def append(connection: Connection, producer: str, at: datetime, events: Iterable[UsageEvent]) -> int:
    """Write one batch to the lane of `producer`, in the role that writes uses, and return the lane."""
    batch = Batch(producer, next(_sequences), at, list(events))
    await connection.execute(b"set role keyledger_gate")
    await append_batch(connection, batch)
    await connection.execute(b"reset role")
    return batch.lane
