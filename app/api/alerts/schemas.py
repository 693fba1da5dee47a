"""JSON form of an alert."""

from typing import Any

from domain.alerts.state import Acknowledged, ExistingAlert


def alert_shape(state: ExistingAlert) -> dict[str, Any]:
    """Return the JSON form of an alert. `details` are the numbers that raised it."""
    alert = state.alert
    acknowledged = state if isinstance(state, Acknowledged) else None
    return {
        "id": alert.id,
        "type": alert.type,
        "severity": alert.severity,
        "status": "open" if acknowledged is None else "acknowledged",
        "key_id": alert.key_id,
        "created_at": alert.raised_at,
        "acknowledged_at": None if acknowledged is None else acknowledged.acknowledged_at,
        "acknowledged_by": None if acknowledged is None else acknowledged.acknowledged_by,
        "details": alert.numbers,
        "revision": alert.revision,
    }
