"""POST /v1/organization/members/{user_id}/transfer-ownership: make a member the owner. The owner stays as an admin."""

from litestar import post

from app.api.organization.members.shape import member_shape
from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.members.commands import ReceiveOwnership, TransferOwnership
from domain.members.decider import MEMBER
from domain.members.errors import MemberNotFound
from eventstore.clock import now
from eventstore.execute import Beside
from projections.member_list.queries import member_of
from projections.organization_guard.queries import members_guard


@post("/v1/organization/members/{user_id:str}/transfer-ownership", only="owner", status_code=200)
async def transfer_ownership(request: HttpRequest, user_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    caller, services = request.auth, services_of(request)
    async with services.reading(caller.organization_id) as connection:
        member = await member_of(connection, user_id, caller.organization_id)
    if member is None:
        raise MemberNotFound
    at = now()
    return await change(
        request,
        MEMBER,
        user_id,
        command=lambda _: ReceiveOwnership(from_user_id=caller.id, at=at),
        guard=members_guard(caller.organization_id, services.plans),
        # Before the other: at no moment has the list two owners.
        beside=lambda _: [Beside(MEMBER, caller.id, TransferOwnership(user_id, at=at, by=caller.actor))],
        shown=lambda made: member_shape(member._replace(role="owner", revision=made.revision)),
    )
