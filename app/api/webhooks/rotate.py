"""POST /v1/webhooks/{id}/rotate: create a new signing secret. Messages are signed with both until the overlap ends."""

import os
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, structs

from app.api import examples
from app.api.webhooks.schemas import (
    SECRET_EXAMPLE,
    WEBHOOK_EXAMPLE,
    WebhookWithSecret,
    changed_webhook,
    with_secret,
)
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.webhooks.commands import RotateWebhookSecret
from domain.webhooks.decider import OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX, WEBHOOK
from domain.webhooks.events import WebhookEvent
from domain.webhooks.state import Registered, WebhookState
from eventstore.execute import Change
from gateway.webhook_target import SECRET_BYTES, new_secret, store_secret
from infrastructure.clock import now
from infrastructure.database.statements import Statement


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    overlap_seconds: Annotated[
        int,
        Meta(
            description="How long the previous secret also signs. Default: a day.",
            extra_json_schema={"minimum": 0, "maximum": OVERLAP_SECONDS_MAX},
        ),
    ] = OVERLAP_SECONDS_DEFAULT


@Route(
    "POST",
    "/v1/webhooks/{webhook_id}/rotate",
    access="webhooks:write",
    tag="Webhooks",
    summary="Rotate the secret of a webhook",
    description="Until the overlap ends, messages have two signatures, one with each secret.",
    body_example={"overlap_seconds": 3600},
    example=with_secret(
        structs.replace(WEBHOOK_EXAMPLE, secret_version=2, previous_valid_until=examples.LATER, revision=2),
        SECRET_EXAMPLE,
    ),
    errors=("conflict",),
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def rotate_webhook(request: HttpRequest, webhook_id: str, body: Body) -> Success[WebhookWithSecret]:
    services = get_services(request)
    secret = new_secret(os.urandom(SECRET_BYTES))
    command = RotateWebhookSecret(at=now(), overlap_seconds=body.overlap_seconds)

    def extra_statements(change: Change[WebhookState, WebhookEvent]) -> Iterable[Statement]:
        if isinstance(change.after, Registered):
            version = change.after.webhook.secret_version
            yield store_secret(services.sealer, secret, version, webhook_id, request.auth.organization_id)

    return await run_command(
        request,
        WEBHOOK,
        webhook_id,
        command,
        render=lambda change: with_secret(changed_webhook(change), secret),
        secret_fields=("secret",),
        extra_statements=extra_statements,
    )
