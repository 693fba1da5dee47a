"""Conversion between facts and stored bytes.

The bytes are canonical: msgspec's deterministic JSON. Stored bytes are never rewritten. Upcasters convert the decoded
values of old schema versions to the current one.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw

from domain.alerts.decider import ALERT
from domain.decider import Decider
from domain.identifications.decider import IDENTIFICATION
from domain.invitations.decider import INVITATION
from domain.keys.decider import KEY
from domain.mcps.decider import MCP
from domain.members.decider import MEMBER
from domain.organizations.decider import ORGANIZATION
from domain.sessions.decider import SESSION
from domain.webhooks.decider import WEBHOOK
from eventstore.errors import Corruption
from eventstore.recorded import Record

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    INVITATION,
    KEY,
    MCP,
    MEMBER,
    ORGANIZATION,
    SESSION,
    ALERT,
    WEBHOOK,
    IDENTIFICATION,
)

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

SCHEMAS: dict[str, int] = {}
"""The current schema version of each type that has had more than one version."""

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""Upcasters by type and the version that they convert from."""

_encoder = msgspec.json.Encoder(order="deterministic")
_record_decoder = msgspec.json.Decoder(Record)


def _by_wire_name(types: Iterable[type[Any]]) -> dict[str, type[Any]]:
    return {str(event_type.__struct_config__.tag): event_type for event_type in types}


LIFECYCLE_TYPES = _by_wire_name(event_type for decider in DECIDERS for event_type in decider.event_types)


def encode(value: object) -> bytes:
    """Return the canonical bytes of an event or a record."""
    return _encoder.encode(value)


def encode_data(event: object) -> Raw:
    return Raw(_encoder.encode(event))


def wire_name(event: object) -> str:
    return str(type(event).__struct_config__.tag)  # type: ignore[attr-defined]


def schema_of(name: str) -> int:
    return SCHEMAS.get(name, 1)


def decode_record(body: bytes) -> Record:
    try:
        return _record_decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Corruption(f"these bytes are no record: {error}") from error


def decode_event(record: Record) -> Any:  # noqa: ANN401 -- the type follows from the record
    """Return the fact in `record`, at the current schema version."""
    event_type = LIFECYCLE_TYPES.get(record.type)
    if event_type is None:
        raise Corruption(f"event {record.id} has the unknown type {record.type}")
    try:
        if record.schema == schema_of(record.type):
            return msgspec.json.decode(record.data, type=event_type)
        return msgspec.convert(_brought_up(record), event_type)
    except msgspec.DecodeError as error:
        raise Corruption(f"event {record.id} is no {record.type}: {error}") from error


def _brought_up(record: Record) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(record.data)
    for schema in range(record.schema, max(record.schema + 1, schema_of(record.type))):
        upcaster = UPCASTERS.get((record.type, schema))
        if upcaster is None:
            raise Corruption(f"event {record.id} has the unknown version {record.schema} of {record.type}")
        value = upcaster(value)
    return value
