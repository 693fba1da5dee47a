"""GET and POST /webhooks/{id}/test: send a test message now, and show the response of the receiver."""

from app.api.webhooks.get import WebhookDetail, get_webhook
from app.api.webhooks.test import WebhookTestResult, test_webhook
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


@Page("GET", "/webhooks/{webhook_id}/test", access="webhooks:write")
async def webhook_test_page(visit: Visit, webhook_id: str) -> PageResponse:
    return await _page(visit, webhook_id, None)


@Page("POST", "/webhooks/{webhook_id}/test", access="webhooks:write")
async def webhook_test_form(visit: Visit, webhook_id: str) -> PageResponse:
    called = await visit.change(test_webhook, WebhookTestResult, webhook_id=webhook_id)
    return await _page(visit, webhook_id, called.data)


async def _page(visit: Visit, webhook_id: str, result: WebhookTestResult | None) -> PageResponse:
    webhook = await visit.read(get_webhook, WebhookDetail, webhook_id=webhook_id)
    return await visit.page("webhooks/test.html", webhook=webhook, result=result)
