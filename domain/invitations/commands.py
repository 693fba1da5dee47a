"""Commands on an invitation."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.invitations.events import WithdrawalReason
from domain.keys.delegation import Scope
from domain.members.events import Role
from domain.plans.plan import MemberCounts


class InviteMember(Struct, frozen=True):
    """Invite a person. `is_member`: a member of the organization already has this address."""

    invitation_id: str
    organization_id: str
    email: str
    role: Role
    token_digest: str
    at: datetime
    by: Actor
    authority: Scope
    counts: MemberCounts
    is_member: bool


class AcceptInvitation(Struct, frozen=True):
    """Accept an invitation, in one transaction with `AddMember`.

    `authority`: what the inviter may grant at this moment; None: nothing.
    """

    user_id: str
    at: datetime
    authority: Scope | None
    is_member: bool


class RevokeInvitation(Struct, frozen=True):
    at: datetime
    reason: WithdrawalReason = "withdrawn"


InvitationCommand = InviteMember | AcceptInvitation | RevokeInvitation
