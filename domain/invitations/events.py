"""What can happen to an invitation to an organization. The law of `domain/keys/events.py` holds here too.

The invited address is no part of any event: it lies in the table `invitation_addresses` while the invitation is open.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor
from domain.members.events import Role

WithdrawalReason = Literal["withdrawn", "replaced"]


class MemberInvited(Struct, frozen=True, tag_field="type", tag="team.member_invited"):
    """`token_digest`: SHA-256, in hexadecimal, of the secret that the link carries."""

    invitation_id: str
    organization_id: str
    role: Role
    token_digest: str
    invited_by: Actor
    invited_at: datetime
    expires_at: datetime


class InvitationAccepted(Struct, frozen=True, tag_field="type", tag="team.invitation_accepted"):
    """`MemberAdded` stands in the stream of `user_id`, always with it."""

    user_id: str
    accepted_at: datetime


class InvitationRevoked(Struct, frozen=True, tag_field="type", tag="team.invitation_revoked"):
    """`replaced`: the same address was invited anew."""

    reason: WithdrawalReason
    revoked_at: datetime


InvitationEvent = MemberInvited | InvitationAccepted | InvitationRevoked
