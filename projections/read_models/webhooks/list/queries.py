"""Queries on the webhook list."""

from datetime import datetime
from typing import Literal, NamedTuple

from domain.webhooks.events import DisabledBecause, WebhookKind
from domain.webhooks.state import Disabled, Registered
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    webhook_put: bytes
    secret_put: bytes
    secrets_remove: bytes
    secrets_erase: bytes
    webhooks_count: bytes
    detail: bytes
    page: bytes
    secrets: bytes


SECRETS_SIGNING_MAX = 5
"""The maximum number of secrets that sign a message, after several rotations within the overlap."""

SQL = load(Queries, __file__)


class WebhookRow(NamedTuple):
    webhook_id: str
    kind: WebhookKind
    url: str
    events: list[str]
    description: str
    status: Literal["active", "disabled"]
    because: DisabledBecause | None
    created_at: datetime
    updated_at: datetime
    secret_version: int
    previous_valid_until: datetime | None
    revision: int


class SealedSecret(NamedTuple):
    version: int
    sealed: bytes


def row_of(state: Registered) -> WebhookRow:
    """Return the row after a change."""
    webhook = state.webhook
    return WebhookRow(
        webhook_id=webhook.id,
        kind=webhook.kind,
        url=webhook.url,
        events=list(webhook.events),
        description=webhook.description,
        status="disabled" if isinstance(state, Disabled) else "active",
        because=state.because if isinstance(state, Disabled) else None,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
        secret_version=webhook.secret_version,
        previous_valid_until=webhook.previous_valid_until,
        revision=webhook.revision,
    )


def secret_put(webhook_id: str, version: int, sealed: bytes) -> Statement:
    return Statement(SQL.secret_put, (webhook_id, version, sealed))


async def count(connection: Connection, organization_id: str) -> int:
    row = await (await connection.execute(SQL.webhooks_count, (organization_id,))).fetchone()
    return 0 if row is None else int(row[0])


async def webhook_of(connection: Connection, webhook_id: str, organization_id: str) -> WebhookRow | None:
    row = await (await connection.execute(SQL.detail, (webhook_id, organization_id))).fetchone()
    return None if row is None else WebhookRow(*row)


async def webhooks(
    connection: Connection,
    organization_id: str,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
    offset: int = 0,
) -> list[WebhookRow]:
    """Return webhooks, newest first, after `after` (instant and id of the last one seen) or the first `offset`."""
    at, last_id = (None, None) if after is None else after
    parameters = {"organization_id": organization_id, "at": at, "id": last_id, "limit": limit, "offset": offset}
    cursor = await connection.execute(SQL.page, parameters)
    return [WebhookRow(*row) for row in await cursor.fetchall()]


async def secrets_of(connection: Connection, webhook_id: str) -> list[SealedSecret]:
    """Return the current secret first, then the earlier ones that are still stored."""
    cursor = await connection.execute(SQL.secrets, (webhook_id, SECRETS_SIGNING_MAX))
    return [SealedSecret(version, bytes(sealed)) for version, sealed in await cursor.fetchall()]
