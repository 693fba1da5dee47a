"""Uses written to the log directly: at any time, and as late as a test needs."""

from collections.abc import Sequence
from datetime import datetime

from domain.ids import COUNTED_MAX
from domain.usage.events import KeyUsed, UsageEvent
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_event_ids
from infrastructure.database.connections import open_pipeline
from tests.app.organizations import Key, Organization
from tests.random_input import random_token


def uses(org: Organization, key: Key, count: int, at: datetime, **fields: object) -> list[KeyUsed]:
    """Return accepted uses of one instant. `fields` replace those of `KeyUsed`."""
    given = {
        "action": "verify",
        "code": "valid",
        "organization_id": org.id,
        "key_id": key.id,
        "revision": 1,
        "secret_version": 1,
        **fields,
    }
    return [KeyUsed(id=event_id, occurred_at=at, **given) for event_id in _ids(count, at)]  # pyright: ignore[reportArgumentType] -- the fields of a test


def record(org: Organization, at: datetime, events: Sequence[UsageEvent]) -> None:
    """Commit `events` as one batch of the instant `at`."""

    async def append() -> None:
        async with await open_pipeline(org.api.database.url) as pipeline:
            await append_once(pipeline, Batch(random_token(), 1, at, events))

    org.api.database.run(append())


def _ids(count: int, at: datetime) -> list[str]:
    """Return ids in order. More can be needed than one batch has."""
    ids: list[str] = []
    while len(ids) < count:
        ids += new_event_ids(min(count - len(ids), COUNTED_MAX), at)
    return sorted(ids)
