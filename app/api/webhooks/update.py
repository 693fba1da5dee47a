"""PATCH /v1/webhooks/{id}: change the URL, the events, the description or the status of a webhook."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api.schemas import Description
from app.api.webhooks.schemas import (
    WEBHOOK_EXAMPLE,
    SubscribedEvents,
    Webhook,
    WebhookStatus,
    WebhookUrl,
    changed_webhook,
)
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.webhooks.commands import ChangeWebhook
from domain.webhooks.decider import WEBHOOK
from domain.webhooks.errors import WebhookNotFound
from domain.webhooks.events import WebhookEnabled, WebhookEvent
from domain.webhooks.state import Registered, WebhookState
from eventstore.execute import Change
from gateway.endpoint import SIGNED, check_endpoint_url
from gateway.webhook_target import shown_url, store_secret
from infrastructure.clock import now
from infrastructure.database.statements import Statement
from projections.outboxes.webhooks.queries import SQL as OUTBOX
from projections.read_models.webhooks.list.queries import webhook_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    url: WebhookUrl | UnsetType = UNSET
    events: SubscribedEvents | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    status: Annotated[WebhookStatus, Meta(description="Whether messages are sent to the webhook.")] | UnsetType = UNSET


@Route(
    "PATCH",
    "/v1/webhooks/{webhook_id}",
    access="webhooks:write",
    tag="Webhooks",
    summary="Update a webhook",
    description="Omitted fields stay unchanged. A disabled webhook receives nothing, and events that occur in "
    "the meantime are not stored for it.",
    body_example={"status": "disabled"},
    example=structs.replace(WEBHOOK_EXAMPLE, status="disabled", disabled_because="requested", revision=2),
    has_revision=True,
    if_match=True,
)
async def update_webhook(request: HttpRequest, webhook_id: str, body: Body) -> Success[Webhook]:
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        found = await webhook_of(connection, webhook_id, organization_id)
    if found is None:
        raise WebhookNotFound
    problem = None if body.url is UNSET else check_endpoint_url(body.url, services.config.egress, remedy=SIGNED)
    secret_address = body.url if found.kind == "slack" and body.url is not UNSET and not problem else None
    command = ChangeWebhook(
        at=now(),
        url=body.url if body.url is UNSET or problem else shown_url(found.kind, body.url),
        url_problem=problem,
        address_replaced=secret_address is not None,
        events=body.events,
        description="" if body.description is None else body.description,
        status=body.status,
    )

    def extra_statements(change: Change[WebhookState, WebhookEvent]) -> Iterable[Statement]:
        if secret_address is not None and isinstance(change.after, Registered):
            version = change.after.webhook.secret_version
            yield store_secret(services.sealer, secret_address, version, webhook_id, organization_id)
        if any(isinstance(event, WebhookEnabled) for event in change.events):
            yield Statement(OUTBOX.endpoint_forgive, (webhook_id,))

    return await run_command(
        request,
        WEBHOOK,
        webhook_id,
        command,
        render=changed_webhook,
        extra_statements=extra_statements,
    )
