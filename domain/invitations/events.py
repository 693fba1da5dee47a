"""Events of an invitation to an organization. The evolution rules in `domain/keys/events.py` apply here too.

No event contains the invited address. The table `invitation_addresses` stores it while the invitation is open.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor
from domain.members.events import Role

WithdrawalReason = Literal["withdrawn", "replaced"]


class MemberInvited(Struct, frozen=True, tag_field="type", tag="team.member_invited"):
    """A person was invited. `token_digest`: hexadecimal SHA-256 of the secret in the link."""

    invitation_id: str
    organization_id: str
    role: Role
    token_digest: str
    invited_by: Actor
    invited_at: datetime
    expires_at: datetime


class InvitationAccepted(Struct, frozen=True, tag_field="type", tag="team.invitation_accepted"):
    """The invitation was accepted. `MemberAdded` is always in the stream of `user_id` together with this event."""

    user_id: str
    accepted_at: datetime


class InvitationRevoked(Struct, frozen=True, tag_field="type", tag="team.invitation_revoked"):
    """The invitation was withdrawn. `replaced`: the same address was invited again."""

    reason: WithdrawalReason
    revoked_at: datetime


InvitationEvent = MemberInvited | InvitationAccepted | InvitationRevoked
