"""Derive the rows of the verification table from a change."""

from collections.abc import Iterable
from typing import Any

from domain.keys.events import KeyCreated, KeyEvent, KeyRotated
from eventstore.codec import encode
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.keys.state.queries import SQL


def apply(change: Change[Any, KeyEvent]) -> Iterable[Statement]:
    owner = (change.stream_id, change.organization_id)
    yield Statement(SQL.key_state_put, (*owner, change.revision, encode(change.after)))
    for event in change.events:
        match event:
            case KeyCreated():
                yield Statement(SQL.key_secret_add, (bytes.fromhex(event.secret.digest), *owner, 1))
            case KeyRotated():
                digest = bytes.fromhex(event.secret.digest)
                yield Statement(SQL.key_secret_add, (digest, *owner, event.secret_version))
            case _:
                pass
