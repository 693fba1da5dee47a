"""POST /v1/api-keys/{id}/rotate: create a new secret for a key. Only this response contains the secret."""

import os
from datetime import datetime

from litestar import post
from msgspec import UNSET, Struct, UnsetType

from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import changed_key
from app.api.api_keys.visibility import ensure_visible
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.decider import ImpossibleHistory
from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.keys.events import KeyEvent, KeyRotated
from domain.keys.state import KeyState
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from eventstore.execute import Change
from infrastructure.clock import now
from projections.read_models.keys.list.queries import used_version_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Without `overlap_seconds`, earlier secrets end with the first use of the new one."""

    overlap_seconds: int | UnsetType = UNSET


@post("/v1/api-keys/{key_id:str}/rotate", access="keys:write", status_code=200)
async def rotate_key(request: HttpRequest, key_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    await ensure_visible(request, key_id)
    at = now()
    context = await load_key_context(get_services(request).pool, key_id, request.auth.organization_id, at)
    if context.state is None:
        raise KeyNotFound
    secret = generate(context.state.key.environment, os.urandom(ENTROPY_BYTES))

    def command(used_version: int) -> RotateKey:
        return RotateKey(
            secret=fingerprint(secret),
            at=at,
            authority=request.auth.authority,
            known_mcps=context.known_mcps,
            overlap_seconds=None if body.overlap_seconds is UNSET else body.overlap_seconds,
            used_version=used_version,
        )

    return await run_command(
        request,
        KEY,
        key_id,
        command,
        guard=used_version_guard(key_id, request.auth.organization_id),
        render=lambda change: {**changed_key(change, context), "previous_valid_until": _end_of_previous(change)},
        secret_fields={"key": secret.reveal()},
    )


def _end_of_previous(change: Change[KeyState, KeyEvent]) -> datetime:
    for event in change.events:
        if isinstance(event, KeyRotated):
            return event.previous_valid_until
    raise ImpossibleHistory(change)
