"""POST /v1/organization/members/{user_id}/transfer-ownership: make a member the owner, and the old owner an admin."""

from litestar import post

from app.api.organization.members.schemas import member_shape
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.members.commands import ReceiveOwnership, TransferOwnership
from domain.members.decider import MEMBER
from domain.members.errors import MemberNotFound
from eventstore.execute import RelatedCommand
from infrastructure.clock import now
from projections.read_models.members.list.queries import member_of
from projections.read_models.organizations.counts.queries import members_guard


@post("/v1/organization/members/{user_id:str}/transfer-ownership", access="owner", status_code=200)
async def transfer_ownership(request: HttpRequest, user_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    caller, services = request.auth, get_services(request)
    async with services.read_transaction(caller.organization_id) as connection:
        member = await member_of(connection, user_id, caller.organization_id)
    if member is None:
        raise MemberNotFound
    at = now()
    return await run_command(
        request,
        MEMBER,
        user_id,
        ReceiveOwnership(from_user_id=caller.id, at=at),
        guard=members_guard(caller.organization_id, services.plans),
        # This command comes first, so that the list never shows two owners.
        related_commands=[RelatedCommand(MEMBER, caller.id, TransferOwnership(user_id, at=at, by=caller.actor))],
        render=lambda change: member_shape(member._replace(role="owner", revision=change.revision)),
    )
