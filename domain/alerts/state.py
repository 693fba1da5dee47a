"""The states of an alert."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.alerts.events import AlertType, Number, Severity


class Alert(Struct, frozen=True):
    id: str
    organization_id: str
    type: AlertType
    severity: Severity
    raised_at: datetime
    key_id: str | None
    numbers: dict[str, Number]
    revision: int


class Open(Struct, frozen=True, tag_field="status", tag="open"):
    alert: Alert


class Acknowledged(Struct, frozen=True, tag_field="status", tag="acknowledged"):
    """An alert that a user has acknowledged. Acknowledging it changes nothing else."""

    alert: Alert
    acknowledged_at: datetime
    acknowledged_by: Actor


ExistingAlert = Open | Acknowledged
AlertState = ExistingAlert | None
