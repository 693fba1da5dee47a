"""POST /v1/api-keys/{id}/disable: refuse a key until it is enabled again."""

from litestar import post

from app.api.api_keys.enable_disable import set_enabled
from app.handlers import HttpRequest, HttpResponse
from domain.keys.commands import DisableKey


@post("/v1/api-keys/{key_id:str}/disable", access="keys:write", status_code=200)
async def disable_key(request: HttpRequest, key_id: str) -> HttpResponse:
    return await set_enabled(request, key_id, lambda at, _, census: DisableKey(at, request.auth.actor, census))
