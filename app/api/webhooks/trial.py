"""POST /v1/webhooks/{id}/test: send a message now and tell what the receiver said; of a disabled one, too."""

import msgspec
from litestar import post
from msgspec import Struct

from app.once import once
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.webhooks.errors import WebhookNotFound
from eventstore.clock import new_id, now
from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.posting import ANSWER_SECONDS
from gateway.posting import post as post_message
from gateway.webhooks import way_to
from projections.webhook_list.queries import secrets_of, webhook_of
from projections.webhook_outbox.messages import Message


class Trial(Struct, frozen=True):
    """`error`: why there was no answer. `response`: the beginning of what was answered."""

    message_id: str
    delivered: bool
    status_code: int | None
    latency_ms: int
    error: str | None
    response: str


@post("/v1/webhooks/{webhook_id:str}/test", grant="webhooks:write", status_code=200)
async def test_webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    return await once(request, ANSWER_SECONDS, lambda: _sent(request, webhook_id))


async def _sent(request: HttpRequest, webhook_id: str) -> bytes:
    services = services_of(request)
    organization_id = request.auth.organization_id
    async with services.reading(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
        if found is None:
            raise WebhookNotFound
        stored = await secrets_of(connection, webhook_id)
    at = now()
    way = way_to(
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
        headers = way.headers(message_id, at, body)
        posted = way.tellable(await post_message(egress, way.url, headers, body, ANSWER_SECONDS))
    finally:
        await egress.aclose()
    trial = Trial(message_id, posted.got_through, posted.status, posted.latency_ms, posted.error, posted.response)
    return msgspec.json.encode({"success": True, "data": trial})
