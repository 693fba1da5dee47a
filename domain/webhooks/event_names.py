"""Which events are told to webhooks, and under which name.

The names are those that receivers filter by. Several events of the log that a receiver does not care to tell apart have
one name; what the log needs for itself has none.
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
"""Every name that a webhook can ask for."""

EVERYTHING = "*"

_UNDER_ANOTHER_NAME: dict[str, LifecycleAnnouncement] = {
    "api_key.details_changed": "api_key.updated",
    "api_key.permissions_changed": "api_key.updated",
    "api_key.expiration_changed": "api_key.updated",
    "mcp.activated": "mcp.updated",
    "mcp.deactivated": "mcp.updated",
}


def public_event_name(wire_name: str, event: object) -> str | None:
    """The name under which an event is told; None: it is not."""
    if isinstance(event, AlertRaised):
        return event.alert_type
    name = _UNDER_ANOTHER_NAME.get(wire_name, wire_name)
    return name if name in _LIFECYCLE else None
