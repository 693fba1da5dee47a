"""GET /v1/webhooks: list the webhooks of the organization, newest first."""

from litestar import get
from msgspec import Struct

from app.api.webhooks.schemas import webhook_shape
from app.handlers import HttpRequest, HttpResponse, get_services, parse_query
from app.http.pagination import PER_PAGE_DEFAULT, PageNumber, PerPage
from app.pagination import Page
from projections.read_models.webhooks.list.queries import count, webhooks


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: str | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@get("/v1/webhooks", access="webhooks:read")
async def list_webhooks(request: HttpRequest) -> HttpResponse:
    query = parse_query(request, Query)
    services = get_services(request)
    organization_id = request.auth.organization_id
    page = Page(request, query, f"webhooks {organization_id}")
    async with services.read_transaction(organization_id) as connection:
        total = await count(connection, organization_id)
        found = await webhooks(
            connection,
            organization_id,
            limit=page.limit,
            after=page.after,
            offset=page.offset_within(total),
        )
    return page.respond(found, webhook_shape, lambda webhook: (webhook.created_at, webhook.webhook_id), total=total)
