"""Response shapes of the audit log."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.schemas import Count, EventId, Time


class AuditActor(Struct):
    """The actor that caused the event. A user has a mail address, unless it was erased."""

    type: Literal["user", "api_key", "system"]
    id: str
    email: str | UnsetType = UNSET


class AuditResource(Struct):
    """The resource that was changed."""

    type: str
    id: str


class AuditEvent(Struct):
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
