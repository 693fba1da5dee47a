"""Response shapes of alerts, which `app/api/alerts/schemas.py` creates."""

from typing import Annotated

from msgspec import Meta, Struct

from app.openapi.shapes.common import Actor, AlertId, KeyId, Revision, Time
from domain.alerts.events import AlertType, Number, Severity
from projections.read_models.alerts.list.queries import Status


class Alert(Struct):
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
