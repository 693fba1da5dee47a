"""PATCH /v1/organization/members/{user_id}: give a member another role. Their keys keep what the new role holds."""

from litestar import patch
from msgspec import Struct

from app.api.organization.members.shape import changed_member
from app.people.keys import change_with_keys
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.keys.commands import LimitGrants
from domain.members.commands import ChangeRole
from domain.members.errors import MemberNotFound
from domain.members.events import Role
from domain.members.roles import authority_of
from eventstore.clock import now
from projections.member_list.queries import member_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


@patch("/v1/organization/members/{user_id:str}", grant="members:write")
async def change_member(request: HttpRequest, user_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    wanted = body_of(request, Body)
    caller = request.auth
    async with services_of(request).reading(caller.organization_id) as connection:
        member = await member_of(connection, user_id, caller.organization_id)
    if member is None:
        raise MemberNotFound
    held = frozenset(authority_of(wanted.role).permissions.manage)
    return await change_with_keys(
        request,
        user_id,
        ChangeRole(wanted.role, at=now(), by=caller.actor, authority=caller.authority),
        lambda _: LimitGrants(held),
        held=held,
        shown=lambda made, keys: {**changed_member(made, member.email), "keys_narrowed": keys},
    )
