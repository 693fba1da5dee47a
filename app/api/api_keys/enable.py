"""POST /v1/api-keys/{id}/enable: accept a disabled key again."""

from app.api.api_keys.enable_disable import set_enabled
from app.api.api_keys.schemas import KEY_EXAMPLE, Key
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.keys.commands import EnableKey


@Route(
    "POST",
    "/v1/api-keys/{key_id}/enable",
    access="keys:write",
    tag="Keys",
    summary="Enable a key",
    description="A disabled key is accepted again.",
    example=KEY_EXAMPLE,
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def enable_key(request: HttpRequest, key_id: str) -> Success[Key]:
    authority = request.auth.authority
    return await set_enabled(
        request, key_id, lambda at, context, _: EnableKey(at=at, authority=authority, known_mcps=context.known_mcps)
    )
