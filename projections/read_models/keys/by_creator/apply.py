"""Derive the rows of the key lineage from a change."""

from collections.abc import Iterable

from domain.actor import UserActor
from domain.keys.events import KeyEvent
from domain.keys.state import Active, Disabled, KeyState
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.by_creator.queries import SQL, LineageRow


def apply(change: Change[KeyState, KeyEvent]) -> Iterable[Statement]:
    before, after = row_of(change.before), row_of(change.after)
    if after is not None and after != before:
        yield Statement(SQL.lineage_put, after)
    if after is None and before is not None:
        yield Statement(SQL.lineage_remove, (before.key_id,))


def row_of(state: KeyState) -> LineageRow | None:
    """Return the row of a key, or None if it has none."""
    match state:
        case Active(key) | Disabled(key, _):
            manages = list(key.permissions.manage)
            if not manages and not isinstance(key.created_by, UserActor):
                return None
            return LineageRow(key.id, key.organization_id, key.created_by.id, manages)
        case _:
            return None
