"""How the verification table follows from a change."""

from collections.abc import Iterable
from typing import Any, cast

from domain.keys.decider import KEY
from domain.keys.events import KeyCreated, KeyEvent, KeyRotated
from domain.keys.state import Existing
from eventstore.codec import encode
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.state.queries import SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    if change.kind != KEY.kind:
        return
    state = cast("Existing", change.after)
    yield Statement(SQL.key_state_put, (change.stream_id, change.organization_id, change.revision, encode(state)))
    owner = (change.stream_id, change.organization_id)
    for event in cast("tuple[KeyEvent, ...]", change.events):
        match event:
            case KeyCreated():
                yield Statement(SQL.key_secret_add, (bytes.fromhex(event.secret.digest), *owner, 1))
            case KeyRotated():
                digest = bytes.fromhex(event.secret.digest)
                yield Statement(SQL.key_secret_add, (digest, *owner, event.secret_version))
            case _:
                pass
