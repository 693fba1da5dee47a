"""GET /webhooks: the webhooks of the organization."""

from app.api.webhooks.list import list_webhooks
from app.api.webhooks.schemas import Webhook
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit

PER_PAGE = 100
"""More than an organization can have."""


@Page("GET", "/webhooks", access="webhooks:read")
async def webhook_list_page(visit: Visit) -> PageResponse:
    listed = await visit.read_list(list_webhooks, Webhook, {"per_page": PER_PAGE})
    return await visit.page("webhooks/list.html", webhooks=listed.data)
