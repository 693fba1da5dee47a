"""JSON form of an event in the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.actor import UserActor
from eventstore.codec import DECIDERS, decode_event
from eventstore.public_fields import public_fields
from infrastructure.database.connections import Connection
from projections.log_queries.audit.queries import Entry
from projections.read_models.members.list.queries import emails

_KINDS = {kind.__struct_config__.tag: decider.kind for decider in DECIDERS for kind in decider.event_types}

EVENT_TYPES = tuple(sorted(str(name) for name in _KINDS))
"""Names of all event types in the audit log."""


async def addresses_of(connection: Connection, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the mail addresses of the users who caused the events, by user id. Erased addresses are missing."""
    actors = [entry.record.origin.actor for entry in entries]
    return await emails(connection, sorted({actor.id for actor in actors if isinstance(actor, UserActor)}))


def event_shape(entry: Entry, addresses: Mapping[str, str]) -> dict[str, Any]:
    """Return one event in the current version of its type, without fields that could help to recognize a secret."""
    record = entry.record
    actor = msgspec.to_builtins(record.origin.actor)
    if record.origin.actor.id in addresses:
        actor["email"] = addresses[record.origin.actor.id]
    return {
        "id": record.id,
        "timestamp": record.occurred_at,
        "event": record.type,
        "actor": actor,
        "resource": {"type": _KINDS[record.type], "id": record.stream_id},
        "ip": record.origin.ip,
        "user_agent": record.origin.user_agent,
        "data": public_fields(decode_event(record)),
        "position": entry.position,
    }
