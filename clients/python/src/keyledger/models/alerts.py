"""Alerts, as the API returns them."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from keyledger.models.activity import Actor


class Alert(Struct, frozen=True, kw_only=True):
    """An alert. `severity`: info, warning or critical. `status`: open or acknowledged.

    `details`: the figures that triggered it. `key_name`: None for a key that the caller cannot see.
    """

    id: str
    type: str
    severity: str
    status: str
    key_id: str | None = None
    key_name: str | None = None
    created_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: Actor | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    revision: int
