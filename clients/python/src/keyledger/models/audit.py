"""The audit log, as the API shows it."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class AuditActor(Struct, frozen=True):
    """`type`: user, api_key or system; a person with their address, unless it was erased."""

    id: str
    type: str
    email: str | None = None


class AuditResource(Struct, frozen=True):
    id: str
    type: str


class AuditEvent(Struct, frozen=True, kw_only=True):
    """A change in the organization. `position` grows with every event: the order of the log."""

    id: str
    timestamp: datetime
    event: str
    actor: AuditActor
    resource: AuditResource
    ip: str | None = None
    user_agent: str | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    position: int
