"""Alerts about a key as marks in the chart of its requests."""

from app.api.alerts.list import list_alerts
from app.api.alerts.schemas import Alert
from app.pages.alerts.sentences import sentences_of
from app.pages.charts import chart
from app.pages.charts.wording import clock_of, day_of
from app.pages.visit import Visit

_SHOWN_MAX = 100


async def alerts_about(visit: Visit, key_id: str) -> list[Alert]:
    """Return the latest alerts about a key, newest first; none if the visitor may not see alerts."""
    if not visit.can("alerts:read"):
        return []
    return (await visit.read_list(list_alerts, Alert, {"key_id": key_id, "per_page": _SHOWN_MAX})).data


def marks_of(alerts: list[Alert]) -> list[chart.Alert]:
    """Return a mark for each alert, which links to its page."""
    return [
        chart.Alert(
            alert.created_at,
            f"Alert: {sentences_of(alert).title}, {day_of(alert.created_at)}, {clock_of(alert.created_at)}",
            f"/alerts/{alert.id}",
        )
        for alert in alerts
    ]
