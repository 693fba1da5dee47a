"""GET /v1/api-keys/{id}: one key, with its secrets' dates and what happened last."""

from asyncio import gather

from litestar import get

from app.api.api_keys.activity import recent_activity
from app.api.api_keys.own import seen
from app.api.api_keys.shape import key_shape, secrets_shape
from app.api.api_keys.surroundings import surroundings_of
from app.requests import HttpRequest, HttpResponse, NoParameters, query_of, services_of, success
from eventstore.clock import now
from projections.key_list.queries import used_secret
from projections.usage.queries import secrets_last_used

_RECENT = 10


@get("/v1/api-keys/{key_id:str}", grant="keys:read")
async def key_detail(request: HttpRequest, key_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    services = services_of(request)
    organization_id = request.auth.organization_id
    at = now()
    around = await surroundings_of(services.pool, key_id, organization_id, at)
    state = seen(request.auth, around.state)
    async with services.reading(organization_id) as connection, connection.pipeline():
        last_used, recent, used = await gather(
            secrets_last_used(connection, key_id),
            recent_activity(connection, key_id, organization_id, _RECENT, services.country_of),
            used_secret(connection, key_id, organization_id),
        )
    shape = key_shape(state, at, around.usage, around.emails)
    revision = state.key.revision
    return success(
        {**shape, "recent_activity": recent, "secrets": secrets_shape(state, last_used, used)},
        headers={"ETag": f'"{revision}"', "X-Revision": str(revision)},
    )
