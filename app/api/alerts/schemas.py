"""Alerts in responses."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import Actor, AlertId, KeyId, Revision, Time, to_actor
from domain.alerts.events import AlertType, Number, Severity
from domain.alerts.state import Acknowledged, ExistingAlert
from projections.read_models.alerts.list.queries import Status


class Alert(Struct, frozen=True):
    """An alert. `details` are the numbers that raised it."""

    id: AlertId
    type: AlertType
    severity: Severity
    status: Status
    key_id: KeyId | None
    created_at: Time
    acknowledged_at: Time | None
    acknowledged_by: Actor | None
    details: Annotated[dict[str, Number], Meta(description="The numbers that raised the alert.")]
    revision: Revision


ALERT_EXAMPLE = Alert(
    id=examples.ALERT_ID,
    type="api_key.expiring",
    severity="warning",
    status="open",
    key_id=examples.KEY_ID,
    created_at=examples.THEN,
    acknowledged_at=None,
    acknowledged_by=None,
    details={"days": 7, "expires_at": "2026-05-01T12:00:00Z"},
    revision=1,
)


def to_alert(state: ExistingAlert) -> Alert:
    alert = state.alert
    acknowledged = state if isinstance(state, Acknowledged) else None
    return Alert(
        id=alert.id,
        type=alert.type,
        severity=alert.severity,
        status="open" if acknowledged is None else "acknowledged",
        key_id=alert.key_id,
        created_at=alert.raised_at,
        acknowledged_at=None if acknowledged is None else acknowledged.acknowledged_at,
        acknowledged_by=None if acknowledged is None else to_actor(acknowledged.acknowledged_by),
        details=alert.numbers,
        revision=alert.revision,
    )
