"""Public names of the events that are sent to webhooks.

Receivers filter by these names. Several events of the log share one name if a receiver does not need to distinguish
them. Events that only the log needs have no public name.
"""

from typing import Literal, get_args

from domain.alerts.events import AlertRaised, AlertType

LifecycleAnnouncement = Literal[
    "mcp.created",
    "mcp.updated",
    "mcp.deleted",
    "mcp.health_changed",
    "api_key.created",
    "api_key.updated",
    "api_key.rotated",
    "api_key.disabled",
    "api_key.enabled",
    "api_key.revoked",
    "api_key.expired",
    "team.member_added",
    "team.member_removed",
]
Announcement = LifecycleAnnouncement | AlertType

_LIFECYCLE = frozenset(get_args(LifecycleAnnouncement))

PUBLIC_EVENTS: tuple[str, ...] = (*get_args(LifecycleAnnouncement), *get_args(AlertType))
"""Every name that a webhook can subscribe to."""

EVERYTHING = "*"

_UNDER_ANOTHER_NAME: dict[str, LifecycleAnnouncement] = {
    "api_key.details_changed": "api_key.updated",
    "api_key.permissions_changed": "api_key.updated",
    "api_key.expiration_changed": "api_key.updated",
    "mcp.activated": "mcp.updated",
    "mcp.deactivated": "mcp.updated",
}


def public_event_name(wire_name: str, event: object) -> str | None:
    """Return the public name of an event, or None if the event is not sent."""
    if isinstance(event, AlertRaised):
        return event.alert_type
    name = _UNDER_ANOTHER_NAME.get(wire_name, wire_name)
    return name if name in _LIFECYCLE else None
