"""DELETE /v1/organization/invitations/{invite_id}: the link leads nowhere any more, and the address is forgotten."""

from litestar import delete

from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.invitations.commands import RevokeInvitation
from domain.invitations.decider import INVITATION
from eventstore.clock import now
from projections.organization_guard.queries import members_guard


@delete("/v1/organization/invitations/{invite_id:str}", grant="members:write", status_code=200)
async def withdraw_invitation(request: HttpRequest, invite_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    command = RevokeInvitation(now())
    return await change(
        request,
        INVITATION,
        invite_id,
        command=lambda _: command,
        # Whoever accepts at this moment holds the same lock: one of the two is first.
        guard=members_guard(request.auth.organization_id, services_of(request).plans),
        shown=lambda _: {"withdrawn": True, "invite_id": invite_id},
    )
