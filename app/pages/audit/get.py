"""GET /audit/{id}: one change, with everything that the log contains about it."""

from typing import Any

import msgspec

from app.api.audit.get import get_audit_event
from app.api.audit.schemas import AuditEvent, AuditResource
from app.api.mcps.get import get_mcp
from app.api.webhooks.get import get_webhook
from app.pages.audit.sentences import resource_of, sentence
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.actors import actor_name
from domain.actor import OPERATOR
from domain.grants import Grant
from domain.refusal import NotFound

_PAGES: dict[str, tuple[str, Grant]] = {
    "api_key": ("/keys", "keys:read"),
    "mcp": ("/mcps", "mcps:read"),
    "webhook": ("/webhooks", "webhooks:read"),
    "alert": ("/alerts", "alerts:read"),
}
"""The pages of resources by type, and the grant that each needs."""

_CAN_BE_DELETED = {"mcp": (get_mcp, "mcp_id"), "webhook": (get_webhook, "webhook_id")}
"""Resources without a page once they are deleted: the route that finds them, and its parameter."""

_KINDS = {"api_key": "key", "mcp": "server", "member": "member", "webhook": "webhook", "organization": "organization"}


@Page("GET", "/audit/{event_id}", access="audit:read")
async def audit_event_page(visit: Visit, event_id: str) -> PageResponse:
    event = await visit.read(get_audit_event, AuditEvent, event_id=event_id)
    return await visit.page(
        "audit/get.html",
        event=event,
        text=sentence(event),
        actor=actor_name(event.actor),
        is_operator=event.actor.id == OPERATOR.id,
        resource=_shown(event),
        resource_kind=_KINDS.get(event.resource.type, "resource"),
        resource_link=await _link_to(visit, event.resource),
        data=msgspec.json.format(msgspec.json.encode(event.data), indent=2).decode(),
    )


def _shown(event: AuditEvent) -> str:
    """Return the name of the changed resource, without its kind if the name is its own."""
    if event.resource.type in {"alert", "identification"}:
        return resource_of(event)
    return event.resource.name if isinstance(event.resource.name, str) else event.resource.type


async def _link_to(visit: Visit, resource: AuditResource) -> str | None:
    """Return the page of a resource, or None if it has none, no longer exists, or is hidden from the visitor."""
    folder, grant = _PAGES.get(resource.type, ("", None))
    if grant is None or not visit.can(grant):
        return None
    if resource.type in _CAN_BE_DELETED:
        route, parameter = _CAN_BE_DELETED[resource.type]
        try:
            await visit.read(route, dict[str, Any], None, **{parameter: resource.id})
        except NotFound:
            return None
    return f"{folder}/{resource.id}"
