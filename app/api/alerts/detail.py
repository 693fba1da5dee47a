"""GET /v1/alerts/{id}."""

from litestar import get

from app.api.alerts.shape import alert_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from domain.alerts.errors import AlertNotFound
from projections.alert_list.queries import alert_of


@get("/v1/alerts/{alert_id:str}", grant="alerts:read")
async def alert_detail(request: HttpRequest, alert_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    organization_id = request.auth.organization_id
    async with services_of(request).reading(organization_id) as connection:
        state = await alert_of(connection, alert_id, organization_id)
    if state is None:
        raise AlertNotFound
    return success(alert_shape(state), headers={"ETag": f'"{state.alert.revision}"'})
