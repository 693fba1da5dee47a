"""The address of the uses that an alert is about: the activity with the filters that its rule implies."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from app.api.alerts.schemas import Alert
from app.pages.visit import Visit

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


def uses_path(visit: Visit, alert: Alert) -> str:
    """Return the address, or an empty text if the alert is about no uses or the visitor may not see them."""
    filters = {**_outcome(alert), **_times(alert)}
    if alert.key_id is not None and visit.can("keys:read"):
        return f"/keys/{alert.key_id}/activity" + (f"?{urlencode(filters)}" if filters else "")
    address = alert.details.get("address")
    if isinstance(address, str) and visit.can("audit:read"):
        return f"/activity?{urlencode({**filters, 'ip': address})}"
    return ""


def _outcome(alert: Alert) -> dict[str, str]:
    match alert.type:
        case "api_key.denied_burst":
            return {"status": "denied"}
        case "api_key.error_spike":
            return {"status": "error"}
        case _:
            return {}


def _times(alert: Alert) -> dict[str, str]:
    """Return the time of the uses: the hour that was compared, or the minutes until the alert was raised."""
    hour, at, minutes = (alert.details.get(name) for name in ("hour", "at", "minutes"))
    try:
        if isinstance(hour, str):
            start = datetime.fromisoformat(hour)
            return _between(start, start + _HOUR)
        if isinstance(at, str) and isinstance(minutes, int):
            end = datetime.fromisoformat(at)
            return _between(end - minutes * _MINUTE, end + _MINUTE)
    except ValueError:
        return {}
    return {}


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"from": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M}", "to": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M}"}
