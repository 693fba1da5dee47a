"""JSON form of a member."""

from typing import Any

from domain.decider import ImpossibleHistory
from domain.members.events import MemberEvent
from domain.members.state import Member, MemberState
from eventstore.execute import Change
from projections.read_models.members.list.queries import MemberRow


def member_shape(member: MemberRow) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "email": member.email,
        "role": member.role,
        "joined_at": member.added_at,
        "revision": member.revision,
    }


def changed_member(change: Change[MemberState, MemberEvent], email: str | None) -> dict[str, Any]:
    """Return the JSON form of a member after a change."""
    if not isinstance(change.after, Member):
        raise ImpossibleHistory(change)
    member = change.after
    return member_shape(MemberRow(member.user_id, email, member.role, member.added_at, change.revision))
