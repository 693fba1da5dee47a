"""Derive the rows of the mail preferences from a change."""

from collections.abc import Iterable
from typing import Any

from domain.members.events import MemberEvent, MemberRemoved, NotificationsChanged
from domain.members.state import Member
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.members.mail_preferences.queries import SQL, put


def apply(change: Change[Any, MemberEvent]) -> Iterable[Statement]:
    for event in change.events:
        match event:
            case NotificationsChanged():
                member: Member = change.after
                yield put(member) if chose(member) else Statement(SQL.preferences_remove, (change.stream_id,))
            case MemberRemoved():
                yield Statement(SQL.preferences_remove, (change.stream_id,))
            case _:
                pass


def chose(member: Member) -> bool:
    """Return whether the member chose anything, instead of the defaults of the role."""
    return member.notifications.threshold is not None or bool(member.notifications.thresholds)
