"""DELETE /v1/organization/members/{user_id}: remove a member and revoke their keys. Their history stays in the log."""

from litestar import delete

from app.api.organization.members.cascade_keys import run_with_keys
from app.handlers import Empty, HttpRequest, HttpResponse, parse_body, parse_query
from domain.actor import MEMBER_REMOVAL
from domain.keys.commands import RevokeKey
from domain.members.commands import RemoveMember
from domain.plans.plan import KeyCounts
from infrastructure.clock import now


@delete("/v1/organization/members/{user_id:str}", access="members:write", status_code=200)
async def remove_member(request: HttpRequest, user_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    at = now()

    def revoke(census: KeyCounts) -> RevokeKey:
        return RevokeKey(at=at, by=MEMBER_REMOVAL, census=census, reason="owner_removed")

    return await run_with_keys(
        request,
        user_id,
        RemoveMember(at),
        revoke,
        held=None,
        render=lambda _, keys: {"removed": True, "user_id": user_id, "keys_revoked": keys},
    )
