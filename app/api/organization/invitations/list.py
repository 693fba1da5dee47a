"""GET /v1/organization/invitations: list the invitations that can be accepted, newest first."""

from collections.abc import Mapping
from typing import Any

from litestar import get
from msgspec import Struct

from app.api.schemas import to_creator
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from domain.actor import KeyActor, SystemActor, UserActor
from domain.ids import is_id
from infrastructure.clock import now
from projections.read_models.invitations.list.queries import InvitationRow, open_page, open_page_after, open_total
from projections.read_models.members.list.queries import emails


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/organization/invitations", access="members:read")
async def list_invitations(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
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
        lambda invitation: _shape(invitation, addresses),
        lambda invitation: (invitation.invited_at, invitation.invitation_id),
        total=count,
    )


def _shape(invitation: InvitationRow, addresses: Mapping[str, str]) -> dict[str, Any]:
    by = invitation.invited_by
    inviter = UserActor(by) if is_id("user", by) else KeyActor(by) if is_id("key", by) else SystemActor(by)
    return {
        "invite_id": invitation.invitation_id,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": to_creator(inviter, addresses),
        "invited_at": invitation.invited_at,
        "expires_at": invitation.expires_at,
    }
