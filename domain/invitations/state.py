"""The states of an invitation. That it has expired is no state: its instant has passed, and no event says so."""

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
