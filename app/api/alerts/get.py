"""GET /v1/alerts/{id}: return one alert."""

from app.api.alerts.schemas import ALERT_EXAMPLE, Alert, names_in, to_alert
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.alerts.errors import AlertNotFound
from projections.read_models.alerts.list.queries import alert_of


@Route(
    "GET",
    "/v1/alerts/{alert_id}",
    access="alerts:read",
    tag="Alerts",
    summary="Get an alert",
    description="The response includes the numbers that raised the alert.",
    example=ALERT_EXAMPLE,
    has_revision=True,
)
async def get_alert(request: HttpRequest, alert_id: str) -> Success[Alert]:
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        state = await alert_of(connection, alert_id, organization_id)
        if state is None:
            raise AlertNotFound
        names = await names_in(connection, [state], request.auth)
    return success(to_alert(state, names), revision=state.alert.revision)
