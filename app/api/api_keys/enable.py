"""POST /v1/api-keys/{id}/enable: accept a disabled key again."""

from litestar import post

from app.api.api_keys.standing import change_standing
from app.requests import HttpRequest, HttpResponse
from domain.keys.commands import EnableKey


@post("/v1/api-keys/{key_id:str}/enable", grant="keys:write", status_code=200)
async def enable_key(request: HttpRequest, key_id: str) -> HttpResponse:
    authority = request.auth.authority
    return await change_standing(
        request, key_id, lambda at, around, _: EnableKey(at=at, authority=authority, known_mcps=around.known_mcps)
    )
