"""GET /v1/alerts/{id}: return one alert."""

from litestar import get

from app.api.alerts.schemas import alert_shape
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from domain.alerts.errors import AlertNotFound
from projections.read_models.alerts.list.queries import alert_of


@get("/v1/alerts/{alert_id:str}", grant="alerts:read")
async def alert_detail(request: HttpRequest, alert_id: str) -> HttpResponse:
    parse_query(request, Empty)
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        state = await alert_of(connection, alert_id, organization_id)
    if state is None:
        raise AlertNotFound
    return success(alert_shape(state), headers={"ETag": f'"{state.alert.revision}"'})
