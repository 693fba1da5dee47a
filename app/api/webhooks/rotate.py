"""POST /v1/webhooks/{id}/rotate: a new signing secret. Both sign until the overlap is over."""

import os
from collections.abc import Iterable

from litestar import post
from msgspec import Struct

from app.api.webhooks.shape import changed_webhook
from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.webhooks.commands import RotateWebhookSecret
from domain.webhooks.decider import OVERLAP_SECONDS_DEFAULT, WEBHOOK
from domain.webhooks.events import WebhookEvent
from domain.webhooks.state import Registered, WebhookState
from eventstore.clock import now
from eventstore.execute import Change, no_guard
from eventstore.statements import Statement
from gateway.webhooks import SECRET_BYTES, keep_secret, new_secret


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    overlap_seconds: int = OVERLAP_SECONDS_DEFAULT


@post("/v1/webhooks/{webhook_id:str}/rotate", grant="webhooks:write", status_code=200)
async def rotate_webhook_secret(request: HttpRequest, webhook_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    wanted = body_of(request, Body)
    services = services_of(request)
    secret = new_secret(os.urandom(SECRET_BYTES))
    command = RotateWebhookSecret(at=now(), overlap_seconds=wanted.overlap_seconds)

    def also(made: Change[WebhookState, WebhookEvent]) -> Iterable[Statement]:
        if isinstance(made.after, Registered):
            version = made.after.webhook.secret_version
            yield keep_secret(services.sealer, secret, version, webhook_id, request.auth.organization_id)

    return await change(
        request,
        WEBHOOK,
        webhook_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=changed_webhook,
        only_now={"secret": secret},
        also=also,
    )
