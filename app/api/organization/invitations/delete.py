"""DELETE /v1/organization/invitations/{invite_id}: make the link unusable and erase the address."""

from litestar import delete

from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.invitations.commands import RevokeInvitation
from domain.invitations.decider import INVITATION
from infrastructure.clock import now
from projections.read_models.organizations.counts.queries import members_guard


@delete("/v1/organization/invitations/{invite_id:str}", access="members:write", status_code=200)
async def withdraw_invitation(request: HttpRequest, invite_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    command = RevokeInvitation(now())
    return await run_command(
        request,
        INVITATION,
        invite_id,
        command,
        # Accepting the invitation takes the same lock, so the two requests run one after the other.
        guard=members_guard(request.auth.organization_id, get_services(request).plans),
        render=lambda _: {"withdrawn": True, "invite_id": invite_id},
    )
