"""POST /v1/api-keys/{id}/enable: accept a disabled key again."""

from litestar import post

from app.api.api_keys.enable_disable import set_enabled
from app.handlers import HttpRequest, HttpResponse
from domain.keys.commands import EnableKey


@post("/v1/api-keys/{key_id:str}/enable", access="keys:write", status_code=200)
async def enable_key(request: HttpRequest, key_id: str) -> HttpResponse:
    authority = request.auth.authority
    return await set_enabled(
        request, key_id, lambda at, context, _: EnableKey(at=at, authority=authority, known_mcps=context.known_mcps)
    )
