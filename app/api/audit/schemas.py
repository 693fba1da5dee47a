"""Events of the audit log in responses and in the export."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api import examples
from app.api.schemas import Count, EventId, Time, to_actor
from domain.actor import UserActor
from eventstore.codec import DECIDERS, decode_event
from eventstore.public_fields import public_fields
from infrastructure.database.connections import Connection
from projections.log_queries.audit.queries import Entry
from projections.read_models.members.list.queries import emails

_KINDS = {kind.__struct_config__.tag: decider.kind for decider in DECIDERS for kind in decider.event_types}

EVENT_TYPES = tuple(sorted(str(name) for name in _KINDS))
"""Names of all event types in the audit log."""


class AuditActor(Struct, frozen=True):
    """The actor that caused the event. A user has a mail address, unless it was erased."""

    type: Literal["user", "api_key", "system"]
    id: str
    email: str | UnsetType = UNSET


class AuditResource(Struct, frozen=True):
    """The resource that was changed."""

    type: str
    id: str


class AuditEvent(Struct, frozen=True):
    """A change in the organization."""

    id: EventId
    timestamp: Time
    event: Annotated[str, Meta(description="The event type, such as `api_key.revoked`.")]
    actor: AuditActor
    resource: AuditResource
    ip: str | None
    user_agent: str | None
    data: Annotated[dict[str, Any], Meta(description="The data of the event, without any part of a secret.")]
    position: Annotated[Count, Meta(description="Increases with every event and gives the order of the log.")]


AUDIT_EVENT_EXAMPLE = AuditEvent(
    id=examples.EVENT_ID,
    timestamp=examples.LATER,
    event="api_key.revoked",
    actor=AuditActor("user", examples.USER_ID, "owner@example.com"),
    resource=AuditResource("api_key", examples.KEY_ID),
    ip="192.0.2.7",
    user_agent="Mozilla/5.0",
    data={"revoked_at": examples.LATER, "reason": "compromised", "note": "Found in a public repository"},
    position=4711,
)


async def addresses_of(connection: Connection, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the mail addresses of the users who caused the events, by user id. Erased addresses are missing."""
    actors = [entry.record.origin.actor for entry in entries]
    return await emails(connection, sorted({actor.id for actor in actors if isinstance(actor, UserActor)}))


def to_audit_event(entry: Entry, addresses: Mapping[str, str]) -> AuditEvent:
    """Return one event in the current version of its type, without fields that could help to recognize a secret."""
    record = entry.record
    actor = record.origin.actor
    return AuditEvent(
        id=record.id,
        timestamp=record.occurred_at,
        event=record.type,
        actor=AuditActor(to_actor(actor).type, actor.id, addresses.get(actor.id, UNSET)),
        resource=AuditResource(_KINDS[record.type], record.stream_id),
        ip=record.origin.ip,
        user_agent=record.origin.user_agent,
        data=public_fields(decode_event(record)),
        position=entry.position,
    )
