"""Derive the rows of the order of keys by last use from a change: a new key or a new status."""

from collections.abc import Iterable
from typing import Any

from domain.keys.events import KeyEvent
from domain.keys.state import Existing, KeyState
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.last_used.queries import SQL


def apply(change: Change[Any, KeyEvent]) -> Iterable[Statement]:
    before: KeyState = change.before
    after: Existing = change.after
    key, status = after.key, after.__struct_config__.tag
    if before is None:
        yield Statement(SQL.key_recency_add, (key.id, key.organization_id, key.environment, status, key.created_at))
    elif before.__struct_config__.tag != status:
        yield Statement(SQL.key_recency_status, (status, key.id))
