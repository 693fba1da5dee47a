"""DELETE /v1/organization/members/{user_id}: remove a member and revoke their keys. Their history stays in the log."""

from msgspec import Struct

from app.api import examples
from app.api.organization.members.cascade_keys import run_with_keys
from app.api.schemas import AlwaysTrue, Count, UserId
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.actor import MEMBER_REMOVAL
from domain.keys.commands import RevokeKey
from domain.members.commands import RemoveMember
from domain.plans.plan import KeyCounts
from infrastructure.clock import now


class RemovedMember(Struct, frozen=True):
    removed: AlwaysTrue
    user_id: UserId
    keys_revoked: Count


@Route(
    "DELETE",
    "/v1/organization/members/{user_id}",
    access="members:write",
    tag="Members",
    summary="Remove a member",
    description="Once this response is sent, the member's sessions have ended, and every key that they created is "
    "revoked, as is every key with management grants created with those. Their history stays. The owner cannot be "
    "removed before transferring the ownership.",
    example=RemovedMember(removed=True, user_id=examples.USER_ID, keys_revoked=2),
    has_revision=True,
    if_match=True,
)
async def delete_member(request: HttpRequest, user_id: str) -> Success[RemovedMember]:
    at = now()

    def revoke(counts: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=MEMBER_REMOVAL, counts=counts, reason="owner_removed")

    return await run_with_keys(
        request,
        user_id,
        RemoveMember(at),
        revoke,
        held=None,
        render=lambda _, keys: RemovedMember(removed=True, user_id=user_id, keys_revoked=keys),
    )
