"""GET /audit/{id}: one change, with everything that the log contains about it."""

import msgspec

from app.api.audit.get import get_audit_event
from app.api.audit.schemas import AuditEvent
from app.pages.actors import actor_name
from app.pages.audit.sentences import sentence
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

_PAGES = {"api_key": "/keys", "mcp": "/mcps", "webhook": "/webhooks", "alert": "/alerts"}
"""Where resources have pages of their own."""

_KINDS = {"api_key": "key", "mcp": "server", "member": "member", "webhook": "webhook", "organization": "organization"}


@Page("GET", "/audit/{event_id}", access="audit:read")
async def audit_event_page(visit: Visit, event_id: str) -> PageResponse:
    event = await visit.read(get_audit_event, AuditEvent, event_id=event_id)
    folder = _PAGES.get(event.resource.type)
    return await visit.page(
        "audit/get.html",
        event=event,
        text=sentence(event),
        actor=actor_name(event.actor),
        resource=event.resource.name if isinstance(event.resource.name, str) else event.resource.type,
        resource_kind=_KINDS.get(event.resource.type, "resource"),
        resource_link=None if folder is None else f"{folder}/{event.resource.id}",
        data=msgspec.json.format(msgspec.json.encode(event.data), indent=2).decode(),
    )
