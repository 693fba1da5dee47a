"""Commands on an alert."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.alerts.events import AlertType, Number, Severity


class RaiseAlert(Struct, frozen=True):
    alert_id: str
    organization_id: str
    alert_type: AlertType
    severity: Severity
    at: datetime
    key_id: str | None = None
    numbers: dict[str, Number] = {}


class AcknowledgeAlert(Struct, frozen=True):
    at: datetime
    by: Actor


AlertCommand = RaiseAlert | AcknowledgeAlert
