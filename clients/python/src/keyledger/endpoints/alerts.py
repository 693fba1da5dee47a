"""The calls of `client.alerts`."""

from typing import Literal, TypeAlias
from urllib.parse import quote

from keyledger.call import Call, Repeat, data_of, page_of, query_of, with_headers
from keyledger.models.alerts import Alert
from keyledger.models.page import Page

AlertStatus: TypeAlias = Literal["open", "acknowledged"]
Severity: TypeAlias = Literal["info", "warning", "critical"]

_ALERTS = "/v1/alerts"

_alert = data_of(Alert)
_alerts = page_of(Alert)


def list_alerts(
    *,
    type: str | None = None,  # noqa: A002 -- the parameter's name in the API
    status: AlertStatus | None = None,
    key_id: str | None = None,
    severity: Severity | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[Alert]]:
    """List the alerts of the organization, newest first. `type`: such as `api_key.expiring`."""
    query = query_of(type=type, status=status, key_id=key_id, severity=severity, cursor=cursor, per_page=per_page)
    return Call("GET", _ALERTS, _alerts, query)


def get_alert(alert_id: str) -> Call[Alert]:
    """Return one alert."""
    return Call("GET", _path(alert_id), _alert)


def acknowledge_alert(alert_id: str, *, idempotency_key: str | None = None) -> Call[Alert]:
    """Acknowledge an alert. Acknowledging it again changes nothing."""
    headers = with_headers(idempotency_key=idempotency_key)
    return Call("POST", f"{_path(alert_id)}/acknowledge", _alert, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _path(alert_id: str) -> str:
    return f"{_ALERTS}/{quote(alert_id, safe='')}"
