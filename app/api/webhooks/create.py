"""POST /v1/webhooks: create a webhook. Only this response contains its signing secret."""

import os

from litestar import post
from msgspec import Struct

from app.api.webhooks.schemas import changed_webhook
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.webhooks.commands import CreateWebhook
from domain.webhooks.decider import WEBHOOK
from domain.webhooks.event_names import EVERYTHING
from domain.webhooks.events import WebhookKind
from eventstore.execute import LockAndQuery
from gateway.endpoint import SIGNED, check_endpoint_url
from gateway.webhook_target import SECRET_BYTES, new_secret, shown_url, store_secret
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from projections.read_models.organizations.counts.queries import keys_guard
from projections.read_models.webhooks.list.queries import count


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    events: tuple[str, ...] = (EVERYTHING,)
    description: str = ""
    kind: WebhookKind = "standard"


@post("/v1/webhooks", access="webhooks:write", status_code=201)
async def create_webhook(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    services = get_services(request)
    organization_id = request.auth.organization_id
    at = now()
    webhook_id = new_id("hook")
    problem = check_endpoint_url(body.url, services.config.egress, remedy=SIGNED)
    signing = new_secret(os.urandom(SECRET_BYTES)) if body.kind == "standard" else None

    def command(others: int) -> CreateWebhook:
        return CreateWebhook(
            webhook_id=webhook_id,
            organization_id=organization_id,
            kind=body.kind,
            # A malformed URL cannot be masked for display. The command refuses it, so it is not stored either.
            url=body.url if problem else shown_url(body.kind, body.url),
            events=body.events,
            at=at,
            by=request.auth.actor,
            others=others,
            url_problem=problem,
            description=body.description,
        )

    async def others(connection: Connection, _: object) -> int:
        return await count(connection, organization_id)

    return await run_command(
        request,
        WEBHOOK,
        webhook_id,
        command,
        guard=LockAndQuery(keys_guard(organization_id, services.plans).statement, others),
        render=changed_webhook,
        secret_fields={"secret": signing},
        status=201,
        extra_statements=lambda _: [store_secret(services.sealer, signing or body.url, 1, webhook_id, organization_id)],
    )
