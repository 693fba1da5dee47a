"""The states of a member."""

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
    """`member` as they were last."""

    member: Member
    removed_at: datetime


ExistingMember = Member | Removed
MemberState = ExistingMember | None
