"""Projection of the lifecycle log to webhook messages.

Messages are side effects: a message enters the outbox in the transaction that moves the checkpoint past its event, and
no replay repeats it. The webhooks that subscribe to the event are looked up then, a moment after the event. A webhook
gets no message about events from before it was created.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.webhooks.event_names import EVERYTHING
from domain.webhooks.events import WebhookKind
from eventstore.recorded import Recorded
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from projections.engine.readers import lifecycle_reader
from projections.engine.runner import AsyncProjection
from projections.outboxes.webhooks.messages import message_of
from projections.outboxes.webhooks.queries import SQL

EVENTS_MAX = 500


class _Listener(NamedTuple):
    webhook_id: str
    organization_id: str
    kind: WebhookKind
    events: list[str]
    created_at: datetime


async def _apply(_connection: Connection, _page: Sequence[Recorded[Any]]) -> None:
    """Write nothing. No table can be rebuilt: there are only pending messages and the results of earlier ones."""


async def _add_new_messages(connection: Connection, page: Sequence[Recorded[Any]]) -> None:
    await add_messages(connection, page, now())


async def add_messages(connection: Connection, page: Sequence[Recorded[Any]], at: datetime) -> None:
    """Add the messages about these events, due at `at`. A message that exists already is not added again."""
    messages = [(recorded, message) for recorded in page if (message := message_of(recorded)) is not None]
    if not messages:
        return
    organizations = sorted({message.organization_id for _, message in messages})
    cursor = await connection.execute(SQL.listeners, (organizations,))
    listeners = [_Listener(*row) for row in await cursor.fetchall()]
    rows = [
        (
            new_id("msg"),
            message.organization_id,
            listener.webhook_id,
            recorded.record.id,
            recorded.position,
            message.subject,
            message.event,
            message.body(listener.kind),
        )
        for recorded, message in messages
        for listener in listeners
        if listener.organization_id == message.organization_id
        and listener.created_at < recorded.record.occurred_at
        and (EVERYTHING in listener.events or message.event in listener.events)
    ]
    if rows:
        names = (
            "delivery_ids",
            "organization_ids",
            "webhook_ids",
            "event_ids",
            "positions",
            "subjects",
            "events",
            "bodies",
        )
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        await connection.execute(SQL.outbox_add, {**columns, "now": at})


WEBHOOK_OUTBOX = AsyncProjection(
    name="webhook_outbox",
    version=1,
    log="lifecycle",
    read=lifecycle_reader(EVENTS_MAX),
    apply=_apply,
    side_effects=_add_new_messages,
)
