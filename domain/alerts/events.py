"""Events of an alert. The evolution rules in `domain/keys/events.py` apply here too."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor

AlertType = Literal[
    "api_key.expiring",
    "api_key.unusual_volume",
    "api_key.new_location",
    "api_key.error_spike",
    "api_key.dormant_used",
    "api_key.denied_burst",
    "api_key.leaked",
    "usage.threshold",
    "webhook.disabled",
]

Severity = Literal["info", "warning", "critical"]

Number = int | float | str | None


class AlertRaised(Struct, frozen=True, tag_field="type", tag="alert.raised"):
    """An alert was raised. `numbers` are the figures that triggered it, so that a reader can follow the reasoning."""

    alert_id: str
    organization_id: str
    alert_type: AlertType
    severity: Severity
    raised_at: datetime
    key_id: str | None = None
    numbers: dict[str, Number] = {}


class AlertAcknowledged(Struct, frozen=True, tag_field="type", tag="alert.acknowledged"):
    acknowledged_at: datetime
    acknowledged_by: Actor


AlertEvent = AlertRaised | AlertAcknowledged
