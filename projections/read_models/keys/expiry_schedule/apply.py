"""Derive the rows of the expiry schedule from a change."""

from collections.abc import Iterable
from typing import Any

from domain.alerts.events import AlertRaised
from domain.alerts.expiry_stages import expiry_in, next_stage
from domain.keys.events import KeyCreated, KeyExpirationChanged, KeyExpired, KeyRevoked
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.expiry_schedule.queries import SQL, mark_alerted


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    for event in change.events:
        match event:
            case AlertRaised(alert_type="api_key.expiring", key_id=str(key_id)):
                expires_at = expiry_in(event)
                if expires_at is not None:
                    yield mark_alerted(key_id, expires_at, next_stage(expires_at, event.raised_at))
            case KeyCreated() | KeyExpirationChanged():
                stage = next_stage(event.expires_at, change.at)
                if stage is not None:
                    yield Statement(
                        SQL.watch_put, (change.stream_id, change.organization_id, event.expires_at, stage.at)
                    )
                elif isinstance(event, KeyExpirationChanged):
                    yield Statement(SQL.watch_end, (change.stream_id,))
            case KeyRevoked() | KeyExpired():
                yield Statement(SQL.watch_end, (change.stream_id,))
            case _:
                pass
