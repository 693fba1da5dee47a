"""DELETE /v1/api-keys/{id} and POST /v1/api-keys/{id}/revoke: revoke a key immediately and permanently."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.api import examples
from app.api.api_keys.expiry import unexpired_key_counts
from app.api.api_keys.schemas import Reason
from app.api.api_keys.visibility import ensure_visible
from app.api.schemas import KeyId, Revision, Time
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.keys.commands import RevokeKey
from domain.keys.decider import KEY
from domain.keys.events import KeyEvent
from domain.keys.fields import NOTE_LENGTH_MAX
from domain.keys.state import KeyState, Revoked
from domain.plans.plan import KeyCounts
from eventstore.execute import Change
from infrastructure.clock import now


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Reason = "unspecified"
    note: (
        Annotated[str, Meta(description="Details of the reason.", extra_json_schema={"maxLength": NOTE_LENGTH_MAX})]
        | None
    ) = None


class RevokedKey(Struct, frozen=True):
    id: KeyId
    status: Literal["revoked"]
    revoked_at: Time
    revision: Revision


_BODY_EXAMPLE = {"reason": "compromised", "note": "Found in a public repository"}
_REVOKED_EXAMPLE = RevokedKey(examples.KEY_ID, "revoked", examples.LATER, 4)


@Route(
    "DELETE",
    "/v1/api-keys/{key_id}",
    access="keys:write",
    tag="Keys",
    summary="Revoke a key",
    description="Revocation is permanent. The key is refused on every process once this response is sent. Revoking it "
    "again changes nothing. A key cannot revoke itself if it is the only active one.",
    example=_REVOKED_EXAMPLE,
    body_example=_BODY_EXAMPLE,
    has_revision=True,
    if_match=True,
)
async def delete_key(request: HttpRequest, key_id: str, body: Body) -> Success[RevokedKey]:
    return await _revoke(request, key_id, body)


@Route(
    "POST",
    "/v1/api-keys/{key_id}/revoke",
    access="keys:write",
    tag="Keys",
    summary="Revoke a key with POST",
    description="The same as DELETE, for clients that cannot send a body with DELETE.",
    example=_REVOKED_EXAMPLE,
    body_example=_BODY_EXAMPLE,
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def revoke_key(request: HttpRequest, key_id: str, body: Body) -> Success[RevokedKey]:
    return await _revoke(request, key_id, body)


async def _revoke(request: HttpRequest, key_id: str, body: Body) -> Success[RevokedKey]:
    await ensure_visible(request, key_id)
    at = now()

    def command(counts: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=request.auth.actor, counts=counts, reason=body.reason, note=body.note or "")

    return await run_command(
        request,
        KEY,
        key_id,
        command,
        guard=unexpired_key_counts(request.auth.organization_id, get_services(request).plans, at),
        render=_to_revoked_key,
    )


def _to_revoked_key(change: Change[KeyState, KeyEvent]) -> RevokedKey:
    if not isinstance(change.after, Revoked):
        raise ImpossibleHistory(change)
    return RevokedKey(change.stream_id, "revoked", change.after.revoked_at, change.revision)
