"""What can be asked of an invitation."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.invitations.events import WithdrawalReason
from domain.keys.delegation import Scope
from domain.members.events import Role
from domain.plans.plan import MemberCounts


class InviteMember(Struct, frozen=True):
    """`is_member`: somebody in the organization has this address already."""

    invitation_id: str
    organization_id: str
    email: str
    role: Role
    token_digest: str
    at: datetime
    by: Actor
    authority: Scope
    census: MemberCounts
    is_member: bool


class AcceptInvitation(Struct, frozen=True):
    """In one transaction with `AddMember`. `authority`: what the one who invited may give now; None: nothing."""

    user_id: str
    at: datetime
    authority: Scope | None
    is_member: bool


class RevokeInvitation(Struct, frozen=True):
    at: datetime
    reason: WithdrawalReason = "withdrawn"


InvitationCommand = InviteMember | AcceptInvitation | RevokeInvitation
