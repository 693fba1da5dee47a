"""People and invitations, as the API shows them."""

from datetime import datetime

from msgspec import Struct

from keyledger.models.keys import Creator
from keyledger.secret import Secret


class Member(Struct, frozen=True, kw_only=True):
    """`role`: viewer, member, auditor, admin or owner. `email` is None once it was erased."""

    user_id: str
    email: str | None = None
    role: str
    joined_at: datetime
    revision: int


class ChangedMember(Member, frozen=True, kw_only=True):
    """`keys_narrowed`: how many of their keys lost grants that the new role does not hold."""

    keys_narrowed: int


class RemovedMember(Struct, frozen=True):
    removed: bool
    user_id: str
    keys_revoked: int


class SentInvitation(Struct, frozen=True, kw_only=True):
    """`invite_url` is a secret: whoever opens it joins. None where the first answer was lost; the mail has it too."""

    invite_id: str
    email: str
    role: str
    expires_at: datetime
    invite_url: Secret | None = None


class Invitation(Struct, frozen=True, kw_only=True):
    """One that can be accepted."""

    invite_id: str
    email: str
    role: str
    invited_by: Creator
    invited_at: datetime
    expires_at: datetime


class WithdrawnInvitation(Struct, frozen=True):
    withdrawn: bool
    invite_id: str
