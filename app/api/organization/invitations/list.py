"""GET /v1/organization/invitations: list the invitations that can be accepted, newest first."""

from msgspec import Struct

from app.api.organization.invitations.schemas import INVITATION_EXAMPLE, Invitation, inviter_of, to_invitation
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from infrastructure.clock import now
from projections.log_queries.names.queries import names_of
from projections.read_models.invitations.list.queries import open_page, open_page_after, open_total


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/organization/invitations",
    access="members:read",
    tag="Members",
    summary="List open invitations",
    description="Invitations that can be accepted, newest first.",
    example=INVITATION_EXAMPLE,
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
        inviters = [inviter_of(invitation) for invitation in page.rows(found)]
        names = await names_of(connection, actors=inviters, created_by=request.auth.visible_keys.created_by)
    return page.respond(
        found,
        lambda invitation: to_invitation(invitation, names),
        lambda invitation: (invitation.invited_at, invitation.invitation_id),
        total=count,
    )
