"""The audit log, as the API returns it."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class AuditActor(Struct, frozen=True):
    """The actor of an event. `type`: user, api_key or system. A person has an address, unless it was erased.

    `name`: a person's address or a key's name.
    """

    id: str
    type: str
    email: str | None = None
    name: str | None = None


class AuditResource(Struct, frozen=True):
    """The changed resource. `name`: the current name of a key or MCP server, or the address of a member.

    The name of an alert or identification is that of the key that it is about. `alert_type`: the type of an alert.
    """

    id: str
    type: str
    name: str | None = None
    alert_type: str | None = None


class AuditEvent(Struct, frozen=True, kw_only=True):
    """A change in the organization. `position` grows with every event and is the order of the log.

    `hash` is the SHA-256 of the record, which contains `previous_hash`, that of the resource's previous event.
    """

    id: str
    timestamp: datetime
    event: str
    actor: AuditActor
    resource: AuditResource
    ip: str | None = None
    user_agent: str | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    position: int
    hash: str | None = None
    previous_hash: str | None = None
