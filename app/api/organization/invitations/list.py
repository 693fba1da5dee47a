"""GET /v1/organization/invitations: those that can be accepted, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import get
from msgspec import Struct, structs

from app.api.api_keys.schemas import creator_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query, raw_request, success
from app.http.pagination import (
    PER_PAGE_DEFAULT,
    CursorPosition,
    PageNumber,
    PerPage,
    decode_cursor,
    next_link,
    pagination,
)
from domain.actor import KeyActor, SystemActor, UserActor
from domain.ids import is_id
from infrastructure.clock import now
from projections.read_models.invitations.list.queries import InvitationRow, open_page, open_page_after, open_total
from projections.read_models.members.list.queries import emails


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/organization/invitations", grant="members:read")
async def list_invitations(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    purpose = f"invitations {organization_id}"
    last = decode_cursor(services.cursors, query.cursor, query.page, purpose)
    number, limit, at = query.page or 1, query.per_page + 1, now()
    async with services.read_transaction(organization_id) as connection:
        if last is None:
            found = await open_page(connection, organization_id, at, limit, (number - 1) * query.per_page)
        else:
            after = (datetime.fromisoformat(last.value), last.id)
            found = await open_page_after(connection, organization_id, at, after, limit)
        count = await open_total(connection, organization_id, at)
        shown = found[: query.per_page]
        addresses = await emails(connection, [invitation.invited_by for invitation in shown])
    cursor = None
    if len(found) > query.per_page:
        position = CursorPosition(shown[-1].invited_at.isoformat(), shown[-1].invitation_id)
        cursor = services.cursors.encode(position, purpose=purpose)
    return success(
        [_shape(invitation, addresses) for invitation in shown],
        headers=next_link(raw_request(request), services.config.public_url, structs.asdict(query), cursor),
        pagination=pagination(page=None if last else number, per_page=query.per_page, total=count, next_cursor=cursor),
    )


def _shape(invitation: InvitationRow, addresses: Mapping[str, str]) -> dict[str, Any]:
    by = invitation.invited_by
    inviter = UserActor(by) if is_id("user", by) else KeyActor(by) if is_id("key", by) else SystemActor(by)
    return {
        "invite_id": invitation.invitation_id,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": creator_shape(inviter, addresses),
        "invited_at": invitation.invited_at,
        "expires_at": invitation.expires_at,
    }
