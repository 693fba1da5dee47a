"""GET /v1/webhooks: list the webhooks of the organization, newest first."""

from msgspec import Struct

from app.api.webhooks.schemas import WEBHOOK_EXAMPLE, Webhook, to_webhook
from app.handlers import HttpRequest, ListResponse, get_services
from app.http.pagination import PER_PAGE_DEFAULT, Cursor, PageNumber, PerPage
from app.pagination import Page
from app.route import Route
from projections.read_models.webhooks.list.queries import count, webhooks


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    page: PageNumber | None = None
    cursor: Cursor | None = None
    per_page: PerPage = PER_PAGE_DEFAULT


@Route(
    "GET",
    "/v1/webhooks",
    access="webhooks:read",
    tag="Webhooks",
    summary="List webhooks",
    description="Newest first.",
    example=WEBHOOK_EXAMPLE,
)
async def list_webhooks(request: HttpRequest, query: Query) -> ListResponse[Webhook]:
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
    return page.respond(found, to_webhook, lambda webhook: (webhook.created_at, webhook.webhook_id), total=total)
