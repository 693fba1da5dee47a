"""DELETE /v1/organization/members/{user_id}: remove a member. Their keys are revoked, their history stays."""

from litestar import delete

from app.people.keys import change_with_keys
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of
from domain.actor import SystemActor
from domain.keys.commands import RevokeKey
from domain.members.commands import RemoveMember
from domain.organizations.plan import KeyCensus
from eventstore.clock import now

_REMOVAL = SystemActor("member_removal")
"""Revokes the keys. Not the caller: a key that removes whoever made it may well be the last active one."""


@delete("/v1/organization/members/{user_id:str}", grant="members:write", status_code=200)
async def remove_member(request: HttpRequest, user_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    at = now()

    def revoke(census: KeyCensus) -> RevokeKey:
        return RevokeKey(at=at, by=_REMOVAL, census=census, reason="owner_removed")

    return await change_with_keys(
        request,
        user_id,
        RemoveMember(at),
        revoke,
        held=None,
        shown=lambda _, keys: {"removed": True, "user_id": user_id, "keys_revoked": keys},
    )
