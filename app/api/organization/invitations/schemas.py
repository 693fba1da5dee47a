"""Invitations in responses."""

from msgspec import Struct

from app.api import examples
from app.api.organization.schemas import EmailAddress
from app.api.schemas import Creator, InviteId, Time, to_creator
from domain.actor import Actor, KeyActor, SystemActor, UserActor
from domain.ids import is_id
from domain.members.events import AssignableRole
from projections.log_queries.names.queries import Names
from projections.read_models.invitations.list.queries import InvitationRow


class Invitation(Struct, frozen=True):
    """An invitation that can be accepted."""

    invite_id: InviteId
    email: EmailAddress
    role: AssignableRole
    invited_by: Creator
    invited_at: Time
    expires_at: Time


INVITATION_EXAMPLE = Invitation(
    invite_id=examples.INVITE_ID,
    email="ada@example.com",
    role="member",
    invited_by=Creator(examples.USER_ID, "owner@example.com", name="owner@example.com"),
    invited_at=examples.THEN,
    expires_at=examples.LATER,
)


def inviter_of(invitation: InvitationRow) -> Actor:
    by = invitation.invited_by
    return UserActor(by) if is_id("user", by) else KeyActor(by) if is_id("key", by) else SystemActor(by)


def to_invitation(invitation: InvitationRow, names: Names) -> Invitation:
    """Return an invitation of the response. `names` contains the name of its inviter."""
    return Invitation(
        invite_id=invitation.invitation_id,
        email=invitation.email,
        role=invitation.role,
        invited_by=to_creator(inviter_of(invitation), names),
        invited_at=invitation.invited_at,
        expires_at=invitation.expires_at,
    )
