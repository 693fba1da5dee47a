"""Mail notifications: the alerts that a role may see, from a minimum severity on.

Owners, admins and members receive warnings and critical alerts; information is only in the list of alerts. Auditors and
viewers receive nothing by default. Every member can choose differently, for all types or for single types of alert. No
member is notified of an alert that their role may not see. A choice survives a change of role, and applies again as
soon as the role may see the alerts.
"""

from typing import assert_never, get_args

from msgspec import UNSET, Struct, UnsetType

from domain.alerts.events import AlertType, Severity
from domain.members.events import Role, Threshold
from domain.members.roles import grants_of, keys_seen

ALERT_TYPES: tuple[AlertType, ...] = get_args(AlertType)

_ORDER: tuple[Threshold, ...] = ("info", "warning", "critical", "off")
_OF_THE_ORGANIZATION: AlertType = "usage.threshold"
_OF_A_KEY = "api_key."


class Notifications(Struct, frozen=True):
    """A member's choice: `threshold` for everything, `thresholds` by type. None or absent: the default of the role."""

    threshold: Threshold | None = None
    thresholds: dict[AlertType, Threshold] = {}

    def changed(
        self,
        threshold: Threshold | UnsetType | None = UNSET,
        thresholds: dict[AlertType, Threshold | None] | UnsetType = UNSET,
    ) -> "Notifications":
        """Return the notifications with another general threshold or other types. None removes a choice."""
        merged: dict[AlertType, Threshold | None] = {**self.thresholds}
        if thresholds is not UNSET:
            merged.update(thresholds)
        return Notifications(
            threshold=self.threshold if threshold is UNSET else threshold,
            thresholds={alert_type: chosen for alert_type, chosen in merged.items() if chosen is not None},
        )


def can_see(role: Role, alert_type: AlertType, *, own_key: bool) -> bool:
    """Return whether the role may see everything in the alert. `own_key`: the alert is about a key they created."""
    if alert_type.startswith(_OF_A_KEY):
        seen = keys_seen(role)
        return seen == "all" or (seen == "own" and own_key)
    grants = grants_of(role)
    if alert_type == _OF_THE_ORGANIZATION:
        return "usage:read" in grants
    return "alerts:read" in grants or "audit:read" in grants


def seen_types(role: Role) -> list[AlertType]:
    """Return the types of alert of which this role can be notified."""
    return [alert_type for alert_type in ALERT_TYPES if can_see(role, alert_type, own_key=True)]


def threshold_of(notifications: Notifications, role: Role, alert_type: AlertType) -> Threshold:
    """Return the minimum severity of mails about alerts of this type, provided the member may see them."""
    return notifications.thresholds.get(alert_type) or notifications.threshold or _default_threshold(role, alert_type)


def wants_mail(
    notifications: Notifications, role: Role, alert_type: AlertType, severity: Severity, *, own_key: bool
) -> bool:
    """Return whether the member receives a mail about such an alert."""
    threshold = threshold_of(notifications, role, alert_type)
    return can_see(role, alert_type, own_key=own_key) and _ORDER.index(severity) >= _ORDER.index(threshold)


def _default_threshold(role: Role, alert_type: AlertType) -> Threshold:
    match role:
        case "owner" | "admin":
            return "warning"
        case "member":
            # Members are not responsible for the usage of the organization.
            return "warning" if alert_type.startswith(_OF_A_KEY) else "off"
        case "auditor" | "viewer":
            return "off"
        case _:
            assert_never(role)
