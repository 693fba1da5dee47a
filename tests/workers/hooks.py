"""Webhooks for worker tests, which have a receiver per webhook and no API."""

import base64
from typing import Any

from domain.webhooks.commands import CreateWebhook, WebhookCommand
from domain.webhooks.decider import WEBHOOK
from domain.webhooks.state import Registered
from gateway.webhook_target import SECRET_BYTES, new_secret, shown_url, store_secret
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from infrastructure.encryption import Sealer
from infrastructure.settings import Settings
from tests import seed
from tests.gateway.conftest import LOOPBACK
from tests.workers.receiver import Receiver

MASTER = bytes(32)
CONFIG = Settings(master_keys=(MASTER,), egress=LOOPBACK)
SETTINGS = {
    "KEYLEDGER_MASTER_KEY": base64.b64encode(MASTER).decode(),
    "KEYLEDGER_EGRESS_ALLOW": "127.0.0.0/8",
}
"""The same settings for a separate process."""


async def change_webhook(
    pool: Pool, organization_id: str, webhook_id: str, command: WebhookCommand, secret: str | None
) -> None:
    def store_new_secret(change: Any) -> list[Any]:  # noqa: ANN401 -- a Change
        if secret is None or not isinstance(change.after, Registered):
            return []
        return [
            store_secret(Sealer([MASTER]), secret, change.after.webhook.secret_version, webhook_id, organization_id)
        ]

    await seed.execute_and_write(pool, WEBHOOK, webhook_id, organization_id, command, store_new_secret)


async def webhook(
    pool: Pool,
    organization_id: str,
    target: Receiver,
    *events: str,
    kind: Any = "standard",  # noqa: ANN401
) -> str:
    webhook_id = new_id("hook")
    secret = target.url if kind == "slack" else new_secret(webhook_id[-SECRET_BYTES:].encode())
    if kind == "standard":
        target.secrets.append(secret)
    command = CreateWebhook(
        webhook_id=webhook_id,
        organization_id=organization_id,
        kind=kind,
        url=shown_url(kind, target.url),
        events=events or ("*",),
        at=now(),
        by=seed.OWNER,
        others=0,
    )
    await change_webhook(pool, organization_id, webhook_id, command, secret)
    return webhook_id
