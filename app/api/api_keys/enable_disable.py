"""Common part of disabling and enabling a key."""

from collections.abc import Callable
from datetime import datetime

from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.key_context import KeyContext, load_key_context
from app.api.api_keys.schemas import Key, changed_key
from app.api.api_keys.visibility import ensure_visible
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from domain.keys.commands import DisableKey, EnableKey
from domain.keys.decider import KEY
from domain.plans.plan import KeyCounts
from infrastructure.clock import now


async def set_enabled(
    request: HttpRequest, key_id: str, command: Callable[[datetime, KeyContext, KeyCounts], DisableKey | EnableKey]
) -> Success[Key]:
    """Run the command that `command` builds from the time, the key's context and the key counts, and return the key."""
    await ensure_visible(request, key_id)
    at = now()
    context = await load_key_context(get_services(request).pool, key_id, request.auth.organization_id, at)
    return await run_command(
        request,
        KEY,
        key_id,
        lambda counts: command(at, context, counts),
        # Both commands change the counts, and every writer locks the counts first. Disabling the caller's own key also
        # depends on them.
        guard=unexpired_key_counts(request.auth.organization_id, get_services(request).plans, at),
        render=lambda change: changed_key(change, context),
    )
