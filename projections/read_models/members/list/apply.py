"""Derive the rows of the member list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.members.events import MemberEvent
from domain.members.state import ExistingMember, Member, Removed
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.members.list.queries import SQL


def apply(change: Change[Any, MemberEvent]) -> Iterable[Statement]:
    state: ExistingMember = change.after
    if isinstance(state, Removed):
        yield Statement(SQL.member_remove, (state.member.user_id,))
        yield Statement(SQL.user_leave, (state.member.user_id,))
    else:
        yield put(state)


def put(member: Member) -> Statement:
    """Return the statement that writes the whole row of a member."""
    return Statement(SQL.member_put, (member.user_id, member.organization_id, member.role, member.added_at))
