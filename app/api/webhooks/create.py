"""POST /v1/webhooks: create a webhook. Only this response contains its signing secret."""

import os
from typing import Annotated

from msgspec import Meta, Struct

from app.api.schemas import Description
from app.api.webhooks.schemas import (
    SECRET_EXAMPLE,
    WEBHOOK_EXAMPLE,
    SubscribedEvents,
    WebhookUrl,
    WebhookWithSecret,
    changed_webhook,
    with_secret,
)
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.webhooks.commands import CreateWebhook
from domain.webhooks.decider import WEBHOOK, WEBHOOKS_MAX
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
    url: WebhookUrl
    events: SubscribedEvents = (EVERYTHING,)
    description: Description = ""
    kind: Annotated[
        WebhookKind,
        Meta(
            description="`slack` is for incoming webhooks of Slack and compatible services. They accept text, and "
            "their URL is the secret."
        ),
    ] = "standard"


@Route(
    "POST",
    "/v1/webhooks",
    access="webhooks:write",
    tag="Webhooks",
    summary="Create a webhook",
    description="Messages are signed according to Standard Webhooks with the `secret` in this response, which "
    f"is never returned again. An organization can have {WEBHOOKS_MAX} webhooks.",
    status=201,
    body_example={"url": "https://example.com/hooks", "events": ["api_key.expiring", "api_key.revoked"]},
    example=with_secret(WEBHOOK_EXAMPLE, SECRET_EXAMPLE),
    errors=("conflict",),
    has_revision=True,
    idempotent=True,
)
async def create_webhook(request: HttpRequest, body: Body) -> Success[WebhookWithSecret]:
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
        render=lambda change: with_secret(changed_webhook(change), signing),
        secret_fields=("secret",),
        extra_statements=lambda _: [store_secret(services.sealer, signing or body.url, 1, webhook_id, organization_id)],
    )
