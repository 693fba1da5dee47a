"""States of a member."""

from datetime import datetime

from msgspec import Struct

from domain.members.events import Role
from domain.members.notifications import Notifications


class Member(Struct, frozen=True):
    user_id: str
    organization_id: str
    role: Role
    added_at: datetime
    revision: int
    notifications: Notifications = Notifications()


class Removed(Struct, frozen=True):
    """A removed member. `member` is the last state before the removal."""

    member: Member
    removed_at: datetime


ExistingMember = Member | Removed
MemberState = ExistingMember | None
