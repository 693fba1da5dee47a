"""GET /v1/organization/invitations: list the invitations that can be accepted, newest first."""

from msgspec import Struct

from app.api import examples
from app.api.organization.schemas import EmailAddress
from app.api.schemas import Creator, InviteId, Time, to_creator
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from domain.actor import Actor, KeyActor, SystemActor, UserActor
from domain.ids import is_id
from domain.members.events import AssignableRole
from infrastructure.clock import now
from projections.log_queries.names.queries import Names, names_of
from projections.read_models.invitations.list.queries import InvitationRow, open_page, open_page_after, open_total


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
        invited_by=Creator(examples.USER_ID, "owner@example.com", name="owner@example.com"),
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
        inviters = [_inviter(invitation) for invitation in page.rows(found)]
        names = await names_of(connection, actors=inviters, created_by=request.auth.visible_keys.created_by)
    return page.respond(
        found,
        lambda invitation: _to_invitation(invitation, names),
        lambda invitation: (invitation.invited_at, invitation.invitation_id),
        total=count,
    )


def _inviter(invitation: InvitationRow) -> Actor:
    by = invitation.invited_by
    return UserActor(by) if is_id("user", by) else KeyActor(by) if is_id("key", by) else SystemActor(by)


def _to_invitation(invitation: InvitationRow, names: Names) -> Invitation:
    return Invitation(
        invite_id=invitation.invitation_id,
        email=invitation.email,
        role=invitation.role,
        invited_by=to_creator(_inviter(invitation), names),
        invited_at=invitation.invited_at,
        expires_at=invitation.expires_at,
    )
