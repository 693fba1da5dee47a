"""DELETE /v1/organization/invitations/{invite_id}: make the link unusable and erase the address."""

from msgspec import Struct

from app.api import examples
from app.api.schemas import AlwaysTrue, InviteId
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.invitations.commands import RevokeInvitation
from domain.invitations.decider import INVITATION
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import members_guard


class WithdrawnInvitation(Struct, frozen=True):
    withdrawn: AlwaysTrue
    invite_id: InviteId


@Route(
    "DELETE",
    "/v1/organization/invitations/{invite_id}",
    access="members:write",
    tag="Members",
    summary="Withdraw an invitation",
    description="The link stops working, and the address is erased.",
    example=WithdrawnInvitation(withdrawn=True, invite_id=examples.INVITE_ID),
    has_revision=True,
    if_match=True,
)
async def delete_invitation(request: HttpRequest, invite_id: str) -> Success[WithdrawnInvitation]:
    command = RevokeInvitation(now())
    return await run_command(
        request,
        INVITATION,
        invite_id,
        command,
        # Accepting the invitation takes the same lock, so the two requests run one after the other.
        guard=members_guard(request.auth.organization_id, get_services(request).plans),
        render=lambda _: WithdrawnInvitation(withdrawn=True, invite_id=invite_id),
    )
