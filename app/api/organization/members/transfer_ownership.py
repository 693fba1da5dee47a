"""POST /v1/organization/members/{user_id}/transfer-ownership: make a member the owner, and the old owner an admin."""

from msgspec import structs

from app.api.organization.members.schemas import MEMBER_EXAMPLE, Member, to_member
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.members.commands import ReceiveOwnership, TransferOwnership
from domain.members.decider import MEMBER
from domain.members.errors import MemberNotFound
from eventstore.execute import RelatedCommand
from infrastructure.clock import now
from projections.read_models.members.list.queries import member_of
from projections.read_models.organizations.counts.queries import members_guard


@Route(
    "POST",
    "/v1/organization/members/{user_id}/transfer-ownership",
    access="owner",
    tag="Members",
    summary="Transfer ownership",
    description="The member is the owner once this response is sent, and the previous owner is an admin.",
    example=structs.replace(MEMBER_EXAMPLE, role="owner"),
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def transfer_ownership(request: HttpRequest, user_id: str) -> Success[Member]:
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
        render=lambda change: to_member(member._replace(role="owner", revision=change.revision)),
    )
