"""Queries on the outbox of webhooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from domain.webhooks.events import WebhookKind
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load

DeliveryStatus = Literal["pending", "delivered", "failed"]


class Queries(NamedTuple):
    listeners: bytes
    outbox_add: bytes
    delivery_claim: bytes
    delivery_finish: bytes
    delivery_later: bytes
    endpoint_hold: bytes
    endpoint_release: bytes
    deliveries_close: bytes
    attempt_add: bytes
    record_success: bytes
    record_failure: bytes
    endpoint_forgive: bytes
    endpoint_health_of: bytes
    deliveries_page: bytes
    delivery_of: bytes
    attempts_of: bytes
    delivery_retry: bytes
    deliveries_forget: bytes
    outbox_state: bytes
    waiting: bytes
    attempt_totals: bytes
    attempt_totals_add: bytes


SQL = load(Queries, __file__)


class Claimed(NamedTuple):
    """A message that was claimed for one attempt, the `attempt`-th, and its destination.

    It has failed `failures` times.
    """

    delivery_id: str
    organization_id: str
    webhook_id: str
    body: bytes
    attempt: int
    failures: int
    kind: WebhookKind
    url: str
    secret_version: int
    previous_valid_until: datetime | None


class Attempt(NamedTuple):
    """The result of one attempt: a status, or an `error` text of Keyledger if no response came."""

    at: datetime
    status_code: int | None
    latency_ms: int
    error: str | None
    response: str


class Delivery(NamedTuple):
    """A delivery. `due_at`: when a pending one is tried next."""

    delivery_id: str
    event_id: str
    event: str
    status: DeliveryStatus
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None


class EndpointHealth(NamedTuple):
    """The health of an endpoint. `failing_since`: the first failure since the last success."""

    failing_since: datetime | None = None
    delivered_at: datetime | None = None


class Failing(NamedTuple):
    """Since when a webhook has had no success, and on how many days attempts of how many messages failed."""

    since: datetime
    days: int
    messages: int


class OutboxState(NamedTuple):
    """Number of due messages (10,000 means at least that many), and since when the oldest one is."""

    waiting: int
    since: datetime | None


class AttemptTotals(NamedTuple):
    """Attempts by result: a 2xx response, another response, or none."""

    delivered: int
    refused: int
    unanswered: int


class Waiting(NamedTuple):
    """Messages of healthy webhooks, or of `failing` ones. `due_since`: when the first of them was or is due."""

    failing: bool
    messages: int
    due_since: datetime


async def claim(
    connection: Connection,
    *,
    now: datetime,
    lease: datetime,
    busy: Sequence[str],
    webhooks: int,
    each: int,
    failures_max: int,
) -> list[Claimed]:
    """Return messages that are due, except those of `busy` webhooks.

    If a worker claims one and dies, another worker may claim it after `lease`.
    """
    limits = {"webhooks": webhooks, "each": each, "failures_max": failures_max}
    parameters = {"now": now, "lease": lease, "busy": list(busy), **limits}
    cursor = await connection.execute(SQL.delivery_claim, parameters)
    claimed = [Claimed(*row) for row in await cursor.fetchall()]
    return [each_claimed._replace(body=bytes(each_claimed.body)) for each_claimed in claimed]


def record_failure(claimed: Claimed, at: datetime) -> Statement:
    """Return the statement that records a failed attempt. Its row is a `Failing`."""
    is_new = claimed.failures == 0
    return Statement(SQL.record_failure, (claimed.webhook_id, claimed.organization_id, at, at.date(), is_new))


def attempt_add(claimed: Claimed, attempt: Attempt) -> Statement:
    return Statement(SQL.attempt_add, (claimed.delivery_id, claimed.attempt, claimed.organization_id, *attempt))


async def deliveries(
    connection: Connection,
    webhook_id: str,
    status: DeliveryStatus | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Delivery]:
    """Return deliveries, newest first, after `after` (instant and id of the last one seen)."""
    at, last_id = (None, None) if after is None else after
    parameters = {"webhook_id": webhook_id, "status": status, "at": at, "id": last_id, "limit": limit}
    cursor = await connection.execute(SQL.deliveries_page, parameters)
    return [Delivery(*row) for row in await cursor.fetchall()]


async def delivery_of(connection: Connection, delivery_id: str, webhook_id: str) -> Delivery | None:
    row = await (await connection.execute(SQL.delivery_of, (delivery_id, webhook_id))).fetchone()
    return None if row is None else Delivery(*row)


async def attempts_of(connection: Connection, delivery_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    """Return attempts by delivery, oldest first. Deliveries that were not tried yet have none."""
    found: dict[str, list[Attempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    cursor = await connection.execute(SQL.attempts_of, (list(delivery_ids),))
    for delivery_id, _, *rest in await cursor.fetchall():
        found[delivery_id].append(Attempt(*rest))
    return found


async def outbox_state(connection: Connection, now: datetime) -> OutboxState:
    row = await (await connection.execute(SQL.outbox_state, {"now": now})).fetchone()
    return OutboxState(0, None) if row is None else OutboxState(*row)


async def waiting(connection: Connection) -> list[Waiting]:
    """Return the waiting messages of all organizations."""
    return [Waiting(*row) for row in await (await connection.execute(SQL.waiting)).fetchall()]


async def attempt_totals(connection: Connection) -> AttemptTotals:
    """Return the total attempts of all organizations."""
    row = await (await connection.execute(SQL.attempt_totals)).fetchone()
    return AttemptTotals(0, 0, 0) if row is None else AttemptTotals(*row)


def attempt_totals_add(ended: AttemptTotals) -> Statement:
    return Statement(SQL.attempt_totals_add, ended)


async def health_of(connection: Connection, webhook_id: str) -> EndpointHealth:
    row = await (await connection.execute(SQL.endpoint_health_of, (webhook_id,))).fetchone()
    return EndpointHealth() if row is None else EndpointHealth(*row)
