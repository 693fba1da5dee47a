"""The webhooks of the demo data, and the deliveries of their messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from app.admin.demo_data.dice import Dice
from domain.webhooks.event_names import EVERYTHING
from domain.webhooks.events import WebhookKind
from eventstore.reader import read_lifecycle
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement
from projections.outboxes.webhooks.follow import add_messages
from projections.outboxes.webhooks.queries import (
    SQL,
    Attempt,
    Claimed,
    Delivery,
    attempt_add,
    deliveries,
    record_failure,
)

_FAILING_FOR = timedelta(days=2)
_RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (0, 5, 35, 155, 755, 2_555, 6_155, 13_355, 27_755, 56_555, 85_355)
)
"""Times of all attempts after the first one, as workers schedule them."""

_LATE = timedelta(milliseconds=900)
"""Time from an event to its message."""

_PAGE = 500
_DELIVERIES_MAX = 10_000


class PlannedWebhook(NamedTuple):
    """A webhook. `fails`: the receiver rejects every message of the last two days."""

    webhook_id: str
    kind: WebhookKind
    url: str
    events: tuple[str, ...]
    description: str
    created_at: datetime
    disabled_at: datetime | None = None
    fails: bool = False


def plan_webhooks(dice: Dice, slug: str, ends_at: datetime) -> list[PlannedWebhook]:
    domain = f"{slug}.example"
    leak_events = ("api_key.created", "api_key.rotated", "api_key.revoked", "api_key.disabled", "api_key.new_location")
    alerts = ("api_key.new_location", "api_key.unusual_volume", "api_key.denied_burst", "api_key.error_spike")

    def planned(days: float, kind: WebhookKind, url: str, events: tuple[str, ...], about: str) -> PlannedWebhook:
        created_at = ends_at - timedelta(days=days)
        return PlannedWebhook(dice.id_of("hook", created_at), kind, url, events, about, created_at)

    inventory = planned(27.4, "standard", f"https://inventory.{domain}/hooks/keyledger", leak_events, "Key inventory")
    chat = planned(26.1, "slack", f"https://chat.{domain}/hooks/T024/B7Q1", alerts, "Channel #security-alerts")
    siem = planned(19.8, "standard", f"https://siem.{domain}/ingest?source=keyledger", (EVERYTHING,), "SIEM")
    old = planned(25.0, "standard", f"https://ci.{domain}/hooks/keys", leak_events, "Old build server")
    return [inventory, chat, old._replace(disabled_at=ends_at - timedelta(days=14)), siem._replace(fails=True)]


async def deliver(
    connection: Connection,
    organization_id: str,
    lane: int,
    webhooks: Sequence[PlannedWebhook],
    ends_at: datetime,
) -> None:
    """Write the messages of all events, and the results of their deliveries, at the time of the event.

    Without this, the worker would send them all when it starts, as if they had just happened.
    """
    position = 0
    while page := await read_lifecycle(connection, lane, position, _PAGE):
        position = page[-1].position
        for recorded in page:
            if recorded.record.organization_id == organization_id:
                await add_messages(connection, [recorded], recorded.record.occurred_at + _LATE)
    for webhook in webhooks:
        newest_first = await deliveries(connection, webhook.webhook_id, None, None, _DELIVERIES_MAX)
        for delivery in reversed(newest_first):
            async with connection.pipeline():
                # Deliveries of one instant have no fixed order, so each has dice of its own.
                dice = Dice(webhook.webhook_id, delivery.event, delivery.created_at.isoformat())
                for statement in _results(dice, organization_id, webhook, delivery, ends_at):
                    await connection.execute(*statement)


def _results(
    dice: Dice, organization_id: str, webhook: PlannedWebhook, delivery: Delivery, ends_at: datetime
) -> list[Statement]:
    """Return the statements that record the attempts of one delivery."""
    at = delivery.created_at + _LATE
    latency_ms = max(8, round(dice.around(85, 0.6)))
    claimed = Claimed(delivery.delivery_id, organization_id, webhook.webhook_id, b"", 1, 0, webhook.kind, "", 1, None)
    if webhook.fails and at >= ends_at - _FAILING_FOR:
        return _failures(claimed, at, ends_at)
    statements: list[Statement] = []
    if dice.chance(0.06):
        failed = Attempt(at, 502, latency_ms, None, "bad gateway")
        statements += [attempt_add(claimed, failed), Statement(SQL.delivery_later, (at, delivery.delivery_id))]
        at, claimed = at + _RETRIES[1], claimed._replace(attempt=2)
    finished_at = at + timedelta(milliseconds=latency_ms)
    return [
        *statements,
        attempt_add(claimed, Attempt(at, 204, latency_ms, None, "")),
        Statement(SQL.delivery_finish, ("delivered", finished_at, delivery.delivery_id)),
        Statement(SQL.record_success, (webhook.webhook_id, organization_id, finished_at)),
    ]


def _failures(claimed: Claimed, first_at: datetime, ends_at: datetime) -> list[Statement]:
    """Return the failed attempts so far. A message that has failed as often as possible is not tried again."""
    statements: list[Statement] = []
    instants = [first_at + after for after in _RETRIES if first_at + after < ends_at]
    for number, at in enumerate(instants, start=1):
        attempt = claimed._replace(attempt=number, failures=number - 1)
        statements += [
            attempt_add(attempt, Attempt(at, 503, 41, None, "index is read-only")),
            Statement(SQL.delivery_finish, ("failed", at, claimed.delivery_id))
            if number == len(_RETRIES)
            else Statement(SQL.delivery_later, (first_at + _RETRIES[number], claimed.delivery_id)),
            record_failure(attempt, at),
        ]
    return statements
