"""GET /v1/organization/invitations/{invite_id}: return one invitation that can be accepted."""

from app.api.organization.invitations.schemas import INVITATION_EXAMPLE, Invitation, inviter_of, to_invitation
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.invitations.errors import InvitationNotFound
from infrastructure.clock import now
from projections.log_queries.names.queries import names_of
from projections.read_models.invitations.list.queries import open_one


@Route(
    "GET",
    "/v1/organization/invitations/{invite_id}",
    access="members:read",
    tag="Members",
    summary="Get an open invitation",
    description="An invitation that can no longer be accepted is not found.",
    example=INVITATION_EXAMPLE,
)
async def get_invitation(request: HttpRequest, invite_id: str) -> Success[Invitation]:
    caller, services = request.auth, get_services(request)
    async with services.read_transaction(caller.organization_id) as connection:
        found = await open_one(connection, caller.organization_id, now(), invite_id)
        if found is None:
            raise InvitationNotFound
        names = await names_of(connection, actors=[inviter_of(found)], created_by=caller.visible_keys.created_by)
    return success(to_invitation(found, names))
