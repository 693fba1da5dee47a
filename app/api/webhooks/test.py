"""POST /v1/webhooks/{id}/test: send a test message now and return the result. Disabled webhooks can be tested too."""

from msgspec import Struct

from app.api import examples
from app.commands.call_once import call_once
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.webhooks.errors import WebhookNotFound
from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.http_post import ANSWER_SECONDS, post
from gateway.webhook_target import open_target
from infrastructure.clock import new_id, now
from projections.outboxes.webhooks.messages import Message
from projections.read_models.webhooks.list.queries import secrets_of, webhook_of


class WebhookTestResult(Struct, frozen=True):
    """`error` is the reason for a missing response. `response` is the start of the response body."""

    message_id: str
    delivered: bool
    status_code: int | None
    latency_ms: int
    error: str | None
    response: str


@Route(
    "POST",
    "/v1/webhooks/{webhook_id}/test",
    access="webhooks:write",
    tag="Webhooks",
    summary="Test a webhook",
    description="Send a `webhook.test` message now. The status is 200 even if the delivery fails: `delivered` "
    "is then false.",
    example=WebhookTestResult(
        message_id=examples.MESSAGE_ID,
        delivered=True,
        status_code=204,
        latency_ms=41,
        error=None,
        response="",
    ),
    errors=("conflict",),
    idempotent=True,
)
async def test_webhook(request: HttpRequest, webhook_id: str) -> Success[WebhookTestResult]:
    return await call_once(request, ANSWER_SECONDS, lambda: _send_test(request, webhook_id))


async def _send_test(request: HttpRequest, webhook_id: str) -> WebhookTestResult:
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
        if found is None:
            raise WebhookNotFound
        stored = await secrets_of(connection, webhook_id)
    at = now()
    target = open_target(
        services.sealer,
        stored,
        webhook_id=webhook_id,
        organization_id=organization_id,
        kind=found.kind,
        url=found.url,
        previous_valid_until=found.previous_valid_until,
        at=at,
    )
    message_id = new_id("msg")
    timestamp = at.isoformat().replace("+00:00", "Z")
    data = {"id": webhook_id, "message": "This is a test: nothing happened."}
    body = Message("webhook.test", webhook_id, timestamp, organization_id, data).body(found.kind)
    egress = Egress(GatewayConfig(egress=services.config.egress))
    try:
        headers = target.headers(message_id, at, body)
        attempt = target.redacted(await post(egress, target.url, headers, body, ANSWER_SECONDS))
    finally:
        await egress.aclose()
    return WebhookTestResult(
        message_id, attempt.delivered, attempt.status, attempt.latency_ms, attempt.error, attempt.response
    )
