"""POST /v1/webhooks/{id}/rotate: create a new signing secret. Messages are signed with both until the overlap ends."""

import os
from collections.abc import Iterable

from litestar import post
from msgspec import Struct

from app.api.webhooks.schemas import changed_webhook
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.webhooks.commands import RotateWebhookSecret
from domain.webhooks.decider import OVERLAP_SECONDS_DEFAULT, WEBHOOK
from domain.webhooks.events import WebhookEvent
from domain.webhooks.state import Registered, WebhookState
from eventstore.execute import Change
from gateway.webhook_target import SECRET_BYTES, new_secret, store_secret
from infrastructure.clock import now
from infrastructure.database.statements import Statement


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    overlap_seconds: int = OVERLAP_SECONDS_DEFAULT


@post("/v1/webhooks/{webhook_id:str}/rotate", access="webhooks:write", status_code=200)
async def rotate_webhook_secret(request: HttpRequest, webhook_id: str) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
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
        render=changed_webhook,
        secret_fields={"secret": secret},
        extra_statements=extra_statements,
    )
