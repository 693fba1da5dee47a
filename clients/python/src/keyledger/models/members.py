"""Members and invitations, as the API returns them."""

from datetime import datetime

from msgspec import Struct

from keyledger.models.keys import Creator
from keyledger.secret import Secret


class Member(Struct, frozen=True, kw_only=True):
    """A member. `role`: viewer, member, auditor, admin or owner. `email` is None if it was erased."""

    user_id: str
    email: str | None = None
    role: str
    joined_at: datetime
    revision: int


class ChangedMember(Member, frozen=True, kw_only=True):
    """A member with a new role. `keys_narrowed`: how many of their keys lost grants that the role does not have."""

    keys_narrowed: int


class RemovedMember(Struct, frozen=True):
    removed: bool
    user_id: str
    keys_revoked: int


class SentInvitation(Struct, frozen=True, kw_only=True):
    """A sent invitation. `invite_url` is a secret: every person who opens it can join.

    It is None if the first response was lost. The mail contains it too.
    """

    invite_id: str
    email: str
    role: str
    expires_at: datetime
    invite_url: Secret | None = None


class Invitation(Struct, frozen=True, kw_only=True):
    """An open invitation."""

    invite_id: str
    email: str
    role: str
    invited_by: Creator
    invited_at: datetime
    expires_at: datetime


class WithdrawnInvitation(Struct, frozen=True):
    withdrawn: bool
    invite_id: str
