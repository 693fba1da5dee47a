"""Events of the audit log in responses and in the export."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api import examples
from app.api.schemas import Count, EventId, Time, to_actor
from domain.actor import UserActor
from domain.alerts.decider import ALERT
from domain.identifications.decider import IDENTIFICATION
from domain.identifications.events import KeyIdentified
from domain.keys.decider import KEY
from domain.mcps.decider import MCP
from domain.members.decider import MEMBER
from eventstore.codec import DECIDERS, decode_event
from eventstore.public_fields import public_fields
from eventstore.recorded import Record
from infrastructure.database.connections import Connection
from projections.log_queries.audit.queries import Entry
from projections.log_queries.names.queries import Names, names_of

_KINDS = {kind.__struct_config__.tag: decider.kind for decider in DECIDERS for kind in decider.event_types}

EVENT_TYPES = tuple(sorted(str(name) for name in _KINDS))
"""Names of all event types in the audit log."""


class AuditActor(Struct, frozen=True):
    """The actor that caused the event. A user has a mail address, unless it was erased.

    `name` is the address of a user or the name of a key.
    """

    type: Literal["user", "api_key", "system"]
    id: str
    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class AuditResource(Struct, frozen=True):
    """The resource that was changed. `name` is the current name of a key or MCP server, or the address of a member.

    The name of an alert or identification is that of the key that it is about. Other resources have no name, nor has an
    erased address. A deleted server keeps its name. `alert_type` is the type of an alert.
    """

    type: str
    id: str
    name: str | UnsetType = UNSET
    alert_type: str | UnsetType = UNSET


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
    hash: Annotated[str, Meta(description="The SHA-256 of the record of the event, in hexadecimal.")]
    previous_hash: Annotated[
        str | None,
        Meta(description="The hash of the previous event of the same resource, which the record contains."),
    ]


AUDIT_EVENT_EXAMPLE = AuditEvent(
    id=examples.EVENT_ID,
    timestamp=examples.LATER,
    event="api_key.revoked",
    actor=AuditActor("user", examples.USER_ID, "owner@example.com", "owner@example.com"),
    resource=AuditResource("api_key", examples.KEY_ID, "My agent"),
    ip="192.0.2.7",
    user_agent="Mozilla/5.0",
    data={"revoked_at": examples.LATER, "reason": "compromised", "note": "Found in a public repository"},
    position=4711,
    hash="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    previous_hash="fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
)


async def names_in(connection: Connection, entries: Sequence[Entry]) -> Names:
    """Return the names of the actors and resources of `entries`. The audit log shows changes of all keys."""
    records = [entry.record for entry in entries]
    resources = [(_KINDS[record.type], record.stream_id) for record in records]
    return await names_of(
        connection,
        actors=[
            *[record.origin.actor for record in records],
            *[UserActor(changed) for kind, changed in resources if kind == MEMBER.kind],
        ],
        key_ids=[
            *[changed for kind, changed in resources if kind == KEY.kind],
            *[key_id for record in records if (key_id := _identified_key(record)) is not None],
        ],
        mcp_ids=[changed for kind, changed in resources if kind == MCP.kind],
        alert_ids=[changed for kind, changed in resources if kind == ALERT.kind],
        created_by=None,
    )


def _identified_key(record: Record) -> str | None:
    """Return the key that an identification found. Other events are not decoded, because exports have many."""
    if _KINDS[record.type] != IDENTIFICATION.kind:
        return None
    event = decode_event(record)
    return event.key_id if isinstance(event, KeyIdentified) else None


def to_audit_event(entry: Entry, names: Names) -> AuditEvent:
    """Return one event in the current version of its type, without fields that could help to recognize a secret.

    `names` are those of `names_in`.
    """
    record = entry.record
    actor, kind = record.origin.actor, _KINDS[record.type]
    shown, event = to_actor(actor, names), decode_event(record)
    named_id = event.key_id if isinstance(event, KeyIdentified) else record.stream_id
    return AuditEvent(
        id=record.id,
        timestamp=record.occurred_at,
        event=record.type,
        actor=AuditActor(shown.type, actor.id, names.people.get(actor.id, UNSET), shown.name),
        resource=AuditResource(
            kind,
            record.stream_id,
            _resource_names(kind, names).get(named_id, UNSET),
            names.alerts.get(record.stream_id, UNSET),
        ),
        ip=record.origin.ip,
        user_agent=record.origin.user_agent,
        data=public_fields(event),
        position=entry.position,
        hash=entry.hash,
        previous_hash=record.previous or None,
    )


def _resource_names(kind: str, names: Names) -> Mapping[str, str]:
    return {
        KEY.kind: names.keys,
        IDENTIFICATION.kind: names.keys,
        ALERT.kind: names.alert_keys,
        MCP.kind: names.mcps,
        MEMBER.kind: names.people,
    }.get(kind, {})
