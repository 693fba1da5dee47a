"""GET /alerts/{alert_id}: one alert, with the numbers and the rule that raised it."""

from app.api.alerts.get import get_alert
from app.api.alerts.schemas import Alert
from app.pages.alerts.sentences import sentences_of
from app.pages.alerts.uses import uses_path
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/alerts/{alert_id}", access="alerts:read")
async def alert_page(visit: Visit, alert_id: str) -> PageResponse:
    alert = await visit.read(get_alert, Alert, alert_id=alert_id)
    return await visit.page("alerts/get.html", alert=alert, text=sentences_of(alert), uses=uses_path(visit, alert))
