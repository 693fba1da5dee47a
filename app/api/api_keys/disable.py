"""POST /v1/api-keys/{id}/disable: refuse a key until it is enabled again."""

from msgspec import structs

from app.api.api_keys.enable_disable import set_enabled
from app.api.api_keys.schemas import KEY_EXAMPLE, Key
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.keys.commands import DisableKey


@Route(
    "POST",
    "/v1/api-keys/{key_id}/disable",
    access="keys:write",
    tag="Keys",
    summary="Disable a key",
    description="The key is refused once this response is sent, until it is enabled again.",
    example=structs.replace(KEY_EXAMPLE, status="disabled"),
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def disable_key(request: HttpRequest, key_id: str) -> Success[Key]:
    return await set_enabled(request, key_id, lambda at, _, counts: DisableKey(at, request.auth.actor, counts))
