"""States of an invitation. Expiry is not a state: it follows from `expires_at`, and no event records it."""

from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.members.events import Role


class Invitation(Struct, frozen=True):
    id: str
    organization_id: str
    role: Role
    token_digest: str
    invited_by: Actor
    invited_at: datetime
    expires_at: datetime
    revision: int

    def has_expired(self, at: datetime) -> bool:
        return self.expires_at <= at


class Open(Struct, frozen=True, tag_field="status", tag="open"):
    invitation: Invitation


class Accepted(Struct, frozen=True, tag_field="status", tag="accepted"):
    invitation: Invitation
    user_id: str


class Revoked(Struct, frozen=True, tag_field="status", tag="revoked"):
    invitation: Invitation


ExistingInvitation = Open | Accepted | Revoked
InvitationState = ExistingInvitation | None
