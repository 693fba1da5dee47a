"""PATCH /v1/organization/members/{user_id}: change a member's role. Their keys lose grants that the new role lacks."""

from litestar import patch
from msgspec import Struct

from app.api.organization.members.cascade_keys import run_with_keys
from app.api.organization.members.schemas import changed_member
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.keys.commands import NarrowGrants
from domain.members.commands import ChangeRole
from domain.members.errors import MemberNotFound
from domain.members.events import Role
from domain.members.roles import authority_of
from infrastructure.clock import now
from projections.read_models.members.list.queries import member_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


@patch("/v1/organization/members/{user_id:str}", access="members:write")
async def change_member(request: HttpRequest, user_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        member = await member_of(connection, user_id, caller.organization_id)
    if member is None:
        raise MemberNotFound
    held = frozenset(authority_of(body.role).permissions.manage)
    return await run_with_keys(
        request,
        user_id,
        ChangeRole(body.role, at=now(), by=caller.actor, authority=caller.authority),
        lambda _: NarrowGrants(held),
        held=held,
        render=lambda change, keys: {**changed_member(change, member.email), "keys_narrowed": keys},
    )
