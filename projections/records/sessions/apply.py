"""End sessions after a change. Sessions are created next to their event, because no event contains their digest."""

from collections.abc import Iterable
from typing import Any

from domain.members.events import MemberRemoved
from domain.organizations.events import OrganizationDeleted
from domain.sessions.events import SessionEnded
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.records.sessions.queries import SQL


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    for event in change.events:
        match event:
            case SessionEnded():
                yield Statement(SQL.session_remove, (change.stream_id,))
            case MemberRemoved():
                yield Statement(SQL.sessions_remove_of, (change.stream_id,))
            case OrganizationDeleted():
                yield Statement(SQL.sessions_remove_all, (change.organization_id,))
            case _:
                pass
