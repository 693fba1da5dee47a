"""GET /v1/organization/invitations: list the invitations that can be accepted, newest first."""

from collections.abc import Mapping

from msgspec import Struct

from app.api import examples
from app.api.organization.schemas import EmailAddress
from app.api.schemas import Creator, InviteId, Time, to_creator
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from domain.actor import KeyActor, SystemActor, UserActor
from domain.ids import is_id
from domain.members.events import AssignableRole
from infrastructure.clock import now
from projections.read_models.invitations.list.queries import InvitationRow, open_page, open_page_after, open_total
from projections.read_models.members.list.queries import emails


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


class Invitation(Struct, frozen=True):
    """An invitation that can be accepted."""

    invite_id: InviteId
    email: EmailAddress
    role: AssignableRole
    invited_by: Creator
    invited_at: Time
    expires_at: Time


@Route(
    "GET",
    "/v1/organization/invitations",
    access="members:read",
    tag="Members",
    summary="List open invitations",
    description="Invitations that can be accepted, newest first.",
    example=Invitation(
        invite_id=examples.INVITE_ID,
        email="ada@example.com",
        role="member",
        invited_by=Creator(examples.USER_ID, "owner@example.com"),
        invited_at=examples.THEN,
        expires_at=examples.LATER,
    ),
)
async def list_invitations(request: HttpRequest, query: Query) -> ListResponse[Invitation]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    page, at = Page(request, query, f"invitations {organization_id}"), now()
    async with services.read_transaction(organization_id) as connection:
        if page.after is None:
            found = await open_page(connection, organization_id, at, page.limit, page.offset)
        else:
            found = await open_page_after(connection, organization_id, at, page.after, page.limit)
        count = await open_total(connection, organization_id, at)
        addresses = await emails(connection, [invitation.invited_by for invitation in page.rows(found)])
    return page.respond(
        found,
        lambda invitation: _to_invitation(invitation, addresses),
        lambda invitation: (invitation.invited_at, invitation.invitation_id),
        total=count,
    )


def _to_invitation(invitation: InvitationRow, addresses: Mapping[str, str]) -> Invitation:
    by = invitation.invited_by
    inviter = UserActor(by) if is_id("user", by) else KeyActor(by) if is_id("key", by) else SystemActor(by)
    return Invitation(
        invite_id=invitation.invitation_id,
        email=invitation.email,
        role=invitation.role,
        invited_by=to_creator(inviter, addresses),
        invited_at=invitation.invited_at,
        expires_at=invitation.expires_at,
    )
