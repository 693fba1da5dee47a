"""Of which alerts people get mails: of those that their role may see, those from some severity on.

Owners, admins and members get warnings and what is critical; information waits in the list of alerts. Auditors and
viewers look things up when they want to, and get nothing. All of them can choose otherwise, for everything or for a
type of alert, but nobody is told of what they may not see: a choice outlives the role that it was made in, and counts
again when they may.
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
    """What somebody chose: `threshold` for everything, `thresholds` for types. None, absent: as their role has it."""

    threshold: Threshold | None = None
    thresholds: dict[AlertType, Threshold] = {}

    def changed(
        self,
        threshold: Threshold | UnsetType | None = UNSET,
        thresholds: dict[AlertType, Threshold | None] | UnsetType = UNSET,
    ) -> "Notifications":
        """With another choice for everything, and for some types; None takes a choice back."""
        merged: dict[AlertType, Threshold | None] = {**self.thresholds}
        if thresholds is not UNSET:
            merged.update(thresholds)
        return Notifications(
            threshold=self.threshold if threshold is UNSET else threshold,
            thresholds={alert_type: chosen for alert_type, chosen in merged.items() if chosen is not None},
        )


def can_see(role: Role, alert_type: AlertType, *, own_key: bool) -> bool:
    """Whether such an alert tells nothing that the role may not look up. `own_key`: about a key that they made."""
    if alert_type.startswith(_OF_A_KEY):
        seen = keys_seen(role)
        return seen == "all" or (seen == "own" and own_key)
    grants = grants_of(role)
    if alert_type == _OF_THE_ORGANIZATION:
        return "usage:read" in grants
    return "alerts:read" in grants or "audit:read" in grants


def seen_types(role: Role) -> list[AlertType]:
    """The types of which somebody in this role may ever be told."""
    return [alert_type for alert_type in ALERT_TYPES if can_see(role, alert_type, own_key=True)]


def threshold_of(notifications: Notifications, role: Role, alert_type: AlertType) -> Threshold:
    """From which severity on somebody gets mails of alerts of this type that they may see."""
    return notifications.thresholds.get(alert_type) or notifications.threshold or _default_threshold(role, alert_type)


def wants_mail(
    notifications: Notifications, role: Role, alert_type: AlertType, severity: Severity, *, own_key: bool
) -> bool:
    """Whether somebody gets a mail of such an alert."""
    threshold = threshold_of(notifications, role, alert_type)
    return can_see(role, alert_type, own_key=own_key) and _ORDER.index(severity) >= _ORDER.index(threshold)


def _default_threshold(role: Role, alert_type: AlertType) -> Threshold:
    match role:
        case "owner" | "admin":
            return "warning"
        case "member":
            # How much the organization uses is not theirs to see to.
            return "warning" if alert_type.startswith(_OF_A_KEY) else "off"
        case "auditor" | "viewer":
            return "off"
        case _:
            assert_never(role)
