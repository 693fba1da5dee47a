"""GET /webhooks/{id}: one webhook with its deliveries, and a form that sends one of them again."""

from asyncio import gather
from typing import Literal

import msgspec
from msgspec import Struct

from app.api.webhooks.get import WebhookDetail, get_webhook
from app.api.webhooks.list_deliveries import list_deliveries
from app.api.webhooks.retry_delivery import retry_delivery
from app.api.webhooks.schemas import Delivery
from app.pages.page import Page
from app.pages.parts.filtered_lists import filter_bar, list_page
from app.pages.query import page_query
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import DELIVERY_STATUSES

PER_PAGE = 25


class Query(Struct, frozen=True, omit_defaults=True):
    """The filter of the deliveries."""

    status: Literal["", "pending", "delivered", "failed"] = ""
    cursor: str = ""


@Page("GET", "/webhooks/{webhook_id}", access="webhooks:read")
async def webhook_page(visit: Visit, webhook_id: str) -> PageResponse:
    query = page_query(visit.request, Query)
    given = msgspec.to_builtins(query)
    webhook, listed = await gather(
        visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id),
        visit.read_list(list_deliveries, Delivery, {**given, "per_page": PER_PAGE}, webhook_id=webhook_id),
    )
    path = f"/webhooks/{webhook.id}"
    texts = {"status": f"Status: {DELIVERY_STATUSES.get(query.status, '')}"}
    bar = filter_bar(path, query, texts, listed, ("delivery", "deliveries"))
    return await list_page(visit, "webhooks/get.html", bar, webhook=webhook, deliveries=listed.data, query=query)


@Page("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", access="webhooks:write")
async def delivery_retry_form(visit: Visit, webhook_id: str, delivery_id: str) -> PageResponse:
    await visit.change(retry_delivery, Delivery, webhook_id=webhook_id, delivery_id=delivery_id)
    return visit.go_to(f"/webhooks/{webhook_id}", "delivery_retried")
