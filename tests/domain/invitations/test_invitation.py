import pytest
from msgspec.structs import replace

from domain.actor import KeyActor
from domain.decider import ImpossibleHistory
from domain.grants import GRANTS
from domain.invitations.commands import AcceptInvitation, InvitationCommand, InviteMember, RevokeInvitation
from domain.invitations.decider import INVITATION
from domain.invitations.errors import (
    InvitationExpired,
    InvitationNotFound,
    InvitationUsed,
    InvitationWithdrawn,
    InviterLostAuthority,
)
from domain.invitations.events import InvitationAccepted, InvitationEvent, InvitationRevoked, MemberInvited
from domain.invitations.state import Accepted, Invitation, Open, Revoked
from domain.keys.delegation import UNRESTRICTED, Scope
from domain.keys.permissions import Permissions
from domain.members.errors import AlreadyMember, MemberLimitReached, OwnershipMustBeTransferred, RoleBeyondAuthority
from domain.members.roles import authority_of
from domain.plans.plan import MemberCounts
from domain.refusal import Conflict, Invalid
from tests.domain.sample import KEY_ID, NOW, ORGANIZATION_ID, OWNER, an_id, at
from tests.given import given

INVITATION_ID = an_id("invite")
ADA = an_id("user", 1)
WEEK = 7 * 24 * 3600
DIGEST = "0123456789abcdef" * 4

INVITE = InviteMember(
    invitation_id=INVITATION_ID,
    organization_id=ORGANIZATION_ID,
    email="ada@example.com",
    role="admin",
    token_digest=DIGEST,
    at=NOW,
    by=OWNER,
    authority=UNRESTRICTED,
    counts=MemberCounts(used=4, limit=5, plan="pro"),
    is_member=False,
)
ACCEPT = AcceptInvitation(ADA, at=at(60), authority=UNRESTRICTED, is_member=False)
REVOKE = RevokeInvitation(at=at(60))

INVITED = MemberInvited(INVITATION_ID, ORGANIZATION_ID, "admin", DIGEST, OWNER, invited_at=NOW, expires_at=at(WEEK))
ACCEPTED = InvitationAccepted(ADA, accepted_at=at(60))
REVOKED = InvitationRevoked("withdrawn", revoked_at=at(60))
STATE = Invitation(INVITATION_ID, ORGANIZATION_ID, "admin", DIGEST, OWNER, NOW, at(WEEK), revision=1)


def test_an_invitation_is_valid_for_a_week() -> None:
    given(INVITATION).when(INVITE).then(INVITED)
    given(INVITATION, INVITED).when(INVITE).then_refused(Conflict)
    assert INVITATION.fold([INVITED]) == Open(STATE)


def test_an_invitation_cannot_assign_the_owner_role() -> None:
    given(INVITATION).when(replace(INVITE, role="owner")).then_refused(OwnershipMustBeTransferred)


def test_an_invalid_email_address_is_refused() -> None:
    given(INVITATION).when(replace(INVITE, email="ada")).then_refused(
        Invalid, email="Must be an address such as ada@example.com, of at most 254 characters"
    )


def test_a_member_cannot_be_invited() -> None:
    given(INVITATION).when(replace(INVITE, is_member=True)).then_refused(AlreadyMember)


def test_no_invitation_is_created_at_the_member_limit() -> None:
    full = MemberCounts(used=5, limit=5, plan="pro")
    given(INVITATION).when(replace(INVITE, counts=full)).then_refused(MemberLimitReached, limit=5, used=5, plan="pro")


def test_an_inviter_cannot_assign_a_role_beyond_their_authority() -> None:
    weak = Scope(Permissions(mcps="*", manage=("members:write",)), "live")
    given(INVITATION).when(replace(INVITE, by=KeyActor(KEY_ID), authority=weak)).then_refused(
        RoleBeyondAuthority, required=sorted(set(GRANTS) - {"members:write"})
    )


def test_an_invitation_is_accepted_once() -> None:
    given(INVITATION, INVITED).when(ACCEPT).then(ACCEPTED)
    given(INVITATION, INVITED, ACCEPTED).when(ACCEPT).then_refused(InvitationUsed)
    given(INVITATION, INVITED, ACCEPTED).when(REVOKE).then_refused(InvitationUsed)
    assert INVITATION.fold([INVITED, ACCEPTED]) == Accepted(replace(STATE, revision=2), ADA)


def test_a_withdrawn_invitation_cannot_be_accepted_and_withdrawing_it_again_changes_nothing() -> None:
    given(INVITATION, INVITED).when(REVOKE).then(REVOKED)
    given(INVITATION, INVITED).when(replace(REVOKE, reason="replaced")).then(replace(REVOKED, reason="replaced"))
    given(INVITATION, INVITED, REVOKED).when(ACCEPT).then_refused(InvitationWithdrawn)
    given(INVITATION, INVITED, REVOKED).when(REVOKE).then_nothing()
    assert INVITATION.fold([INVITED, REVOKED]) == Revoked(replace(STATE, revision=2))


def test_an_invitation_expires_at_its_instant() -> None:
    given(INVITATION, INVITED).when(replace(ACCEPT, at=at(WEEK - 0.001))).then(
        replace(ACCEPTED, accepted_at=at(WEEK - 0.001))
    )
    given(INVITATION, INVITED).when(replace(ACCEPT, at=at(WEEK))).then_refused(InvitationExpired)


def test_an_invitation_cannot_be_accepted_by_an_existing_member() -> None:
    given(INVITATION, INVITED).when(replace(ACCEPT, is_member=True)).then_refused(AlreadyMember)


@pytest.mark.parametrize("authority", [None, authority_of("member"), Scope(UNRESTRICTED.permissions, "live", at(1000))])
def test_an_invitation_is_refused_if_its_inviter_lost_the_authority(authority: Scope | None) -> None:
    given(INVITATION, INVITED).when(replace(ACCEPT, authority=authority)).then_refused(InviterLostAuthority)


@pytest.mark.parametrize("command", [ACCEPT, REVOKE])
def test_a_missing_invitation_is_not_found(command: InvitationCommand) -> None:
    given(INVITATION).when(command).then_refused(InvitationNotFound)


@pytest.mark.parametrize(
    "history", [[ACCEPTED], [INVITED, INVITED], [INVITED, ACCEPTED, REVOKED], [INVITED, REVOKED, ACCEPTED]]
)
def test_a_damaged_history_is_impossible(history: list[InvitationEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        INVITATION.fold(history)
