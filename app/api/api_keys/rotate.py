"""POST /v1/api-keys/{id}/rotate: create a new secret for a key. Only this response contains the secret."""

import os
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.api_keys.key_context import load_key_context
from app.api.api_keys.schemas import KEY_EXAMPLE, Key, SecretOnce, changed_key
from app.api.api_keys.visibility import ensure_visible
from app.api.schemas import Time
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.keys.events import KeyEvent, KeyRotated
from domain.keys.fields import OVERLAP_SECONDS_MAX
from domain.keys.state import KeyState
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from eventstore.execute import Change
from infrastructure.clock import now
from projections.read_models.keys.list.queries import used_version_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Without `overlap_seconds`, earlier secrets end with the first use of the new one."""

    overlap_seconds: (
        Annotated[
            int,
            Meta(
                description="How long earlier secrets stay valid, whether or not the new one is used. 0: they are "
                "refused immediately. Absent: until the first use of the new one.",
                extra_json_schema={"minimum": 0, "maximum": OVERLAP_SECONDS_MAX},
            ),
        ]
        | UnsetType
    ) = UNSET


class RotatedKey(Key, frozen=True):
    """The key with its new secret."""

    previous_valid_until: Time
    key: SecretOnce


@Route(
    "POST",
    "/v1/api-keys/{key_id}/rotate",
    access="keys:write",
    tag="Keys",
    summary="Rotate a key",
    description="Create a new secret for the same key; its id, history and permissions stay. Earlier secrets are "
    "accepted until the first use of the new one, for a week at most, so a lost response does not lock out a client. "
    "With `overlap_seconds`, they are accepted for exactly this time; with 0, they are refused immediately. "
    "`previous_valid_until` is the latest time at which they are accepted.",
    example=RotatedKey(**structs.asdict(KEY_EXAMPLE), previous_valid_until=examples.LATER, key=examples.SECRET),
    body_example={"overlap_seconds": 3600},
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def rotate_key(request: HttpRequest, key_id: str, body: Body) -> Success[RotatedKey]:
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
        render=lambda change: RotatedKey(
            **structs.asdict(changed_key(change, context)),
            previous_valid_until=_end_of_previous(change),
            key=secret.reveal(),
        ),
        secret_fields=("key",),
    )


def _end_of_previous(change: Change[KeyState, KeyEvent]) -> datetime:
    for event in change.events:
        if isinstance(event, KeyRotated):
            return event.previous_valid_until
    raise ImpossibleHistory(change)
