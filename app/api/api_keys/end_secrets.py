"""POST /v1/api-keys/{id}/end-secrets: end the earlier secrets of a rotated key before their overlap is over."""

from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import KEY_EXAMPLE, Key, changed_key
from app.api.api_keys.visibility import ensure_visible
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.keys.commands import EndEarlierSecrets
from domain.keys.decider import KEY
from infrastructure.clock import now


@Route(
    "POST",
    "/v1/api-keys/{key_id}/end-secrets",
    access="keys:write",
    tag="Keys",
    summary="End the earlier secrets of a key",
    description="After a rotation, earlier secrets are accepted for a while. They are refused once this response is "
    "sent; only the current secret is still accepted. Without an earlier secret, nothing changes.",
    example=KEY_EXAMPLE,
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def end_secrets(request: HttpRequest, key_id: str) -> Success[Key]:
    await ensure_visible(request, key_id)
    at = now()
    context = await load_key_context(get_services(request).pool, key_id, request.auth.organization_id, at)
    return await run_command(
        request, KEY, key_id, EndEarlierSecrets(at), render=lambda change: changed_key(change, context)
    )
