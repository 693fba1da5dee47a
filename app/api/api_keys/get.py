"""GET /v1/api-keys/{id}: return one key with the dates of its secrets and its recent activity."""

from asyncio import gather

from litestar import get

from app.api.api_keys.activity import recent_activity
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import key_shape, secrets_shape
from app.api.api_keys.visibility import require_visible
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, success
from infrastructure.clock import now
from projections.read_models.keys.list.queries import used_secret
from projections.read_models.usage.queries import secrets_last_used

_RECENT = 10


@get("/v1/api-keys/{key_id:str}", access="keys:read")
async def key_detail(request: HttpRequest, key_id: str) -> HttpResponse:
    parse_query(request, Empty)
    services = get_services(request)
    organization_id = request.auth.organization_id
    at = now()
    context = await load_key_context(services.pool, key_id, organization_id, at)
    state = require_visible(request.auth, context.state)
    async with services.read_transaction(organization_id) as connection, connection.pipeline():
        last_used, recent, used = await gather(
            secrets_last_used(connection, key_id),
            recent_activity(connection, key_id, organization_id, _RECENT, services.country_of),
            used_secret(connection, key_id, organization_id),
        )
    shape = key_shape(state, at, context.usage, context.emails)
    revision = state.key.revision
    return success(
        {**shape, "recent_activity": recent, "secrets": secrets_shape(state, last_used, used)},
        headers={"ETag": f'"{revision}"', "X-Revision": str(revision)},
    )
