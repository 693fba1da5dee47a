"""POST /alerts/{alert_id}/acknowledge: mark an alert as seen, from the list or from its page.

Acknowledging an alert again changes nothing, so the form needs no revision.
"""

from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.schemas import Alert
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("POST", "/alerts/{alert_id}/acknowledge", access="alerts:write")
async def acknowledge_form(visit: Visit, alert_id: str) -> PageResponse:
    await visit.change(acknowledge_alert, Alert, alert_id=alert_id)
    return visit.go_to("/alerts", "alert_acknowledged", has_removed=True)
