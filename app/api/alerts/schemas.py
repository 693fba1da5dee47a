"""Alerts in responses."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api import examples
from app.api.schemas import Actor, AlertId, KeyId, Revision, Time, to_actor
from app.auth.callers import Caller
from domain.alerts.events import AlertType, Number, Severity
from domain.alerts.state import Acknowledged, ExistingAlert
from infrastructure.database.connections import Connection
from projections.log_queries.names.queries import Names, names_of
from projections.read_models.alerts.list.queries import Status


class Alert(Struct, frozen=True, kw_only=True):
    """An alert. `details` are the numbers that raised it.

    `key_name` is missing for a key that the caller cannot see.
    """

    id: AlertId
    type: AlertType
    severity: Severity
    status: Status
    key_id: KeyId | None
    key_name: str | UnsetType = UNSET
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
    key_name="My agent",
    created_at=examples.THEN,
    acknowledged_at=None,
    acknowledged_by=None,
    details={"days": 7, "expires_at": "2026-05-01T12:00:00Z"},
    revision=1,
)


async def names_in(connection: Connection, states: Sequence[ExistingAlert], caller: Caller) -> Names:
    """Return the names of the keys that the alerts are about, and of the users and keys that acknowledged them."""
    return await names_of(
        connection,
        actors=[state.acknowledged_by for state in states if isinstance(state, Acknowledged)],
        key_ids=[state.alert.key_id for state in states],
        created_by=caller.visible_keys.created_by,
    )


def to_alert(state: ExistingAlert, names: Names) -> Alert:
    """Return an alert of the response. `names` are those of `names_in`."""
    alert = state.alert
    acknowledged = state if isinstance(state, Acknowledged) else None
    return Alert(
        id=alert.id,
        type=alert.type,
        severity=alert.severity,
        status="open" if acknowledged is None else "acknowledged",
        key_id=alert.key_id,
        key_name=UNSET if alert.key_id is None else names.keys.get(alert.key_id, UNSET),
        created_at=alert.raised_at,
        acknowledged_at=None if acknowledged is None else acknowledged.acknowledged_at,
        acknowledged_by=None if acknowledged is None else to_actor(acknowledged.acknowledged_by, names),
        details=alert.numbers,
        revision=alert.revision,
    )
