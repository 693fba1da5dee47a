"""Decisions about an invitation."""

from datetime import timedelta
from typing import assert_never, get_args

from msgspec.structs import replace

from domain.decider import Decider, ImpossibleHistory
from domain.fields import FieldErrors
from domain.invitations.commands import AcceptInvitation, InvitationCommand, InviteMember, RevokeInvitation
from domain.invitations.errors import (
    InvitationExpired,
    InvitationNotFound,
    InvitationUsed,
    InvitationWithdrawn,
    InviterLostAuthority,
)
from domain.invitations.events import InvitationAccepted, InvitationEvent, InvitationRevoked, MemberInvited
from domain.invitations.state import Accepted, ExistingInvitation, Invitation, InvitationState, Open, Revoked
from domain.members.email_address import check_email
from domain.members.errors import AlreadyMember, MemberLimitReached, RoleBeyondAuthority
from domain.members.roles import refuse_giving
from domain.refusal import Conflict

VALID_FOR = timedelta(days=7)


def decide(state: InvitationState, command: InvitationCommand) -> tuple[InvitationEvent, ...]:
    match command:
        case InviteMember():
            return _invite(state, command)
        case AcceptInvitation():
            return _accept(_existing(state), command)
        case RevokeInvitation():
            return _revoke(_existing(state), command)
        case _:
            assert_never(command)


def _existing(state: InvitationState) -> ExistingInvitation:
    if state is None:
        raise InvitationNotFound
    return state


def _invite(state: InvitationState, command: InviteMember) -> tuple[InvitationEvent, ...]:
    if state is not None:
        raise Conflict("There is an invitation with this id already.")
    problems = FieldErrors()
    check_email(problems, command.email)
    problems.raise_if_any()
    refuse_giving(command.authority, command.role)
    if command.is_member:
        raise AlreadyMember
    counts = command.counts
    if counts.full:
        raise MemberLimitReached(limit=counts.limit, used=counts.used, plan=counts.plan)
    return (
        MemberInvited(
            invitation_id=command.invitation_id,
            organization_id=command.organization_id,
            role=command.role,
            token_digest=command.token_digest,
            invited_by=command.by,
            invited_at=command.at,
            expires_at=command.at + VALID_FOR,
        ),
    )


def _accept(state: ExistingInvitation, command: AcceptInvitation) -> tuple[InvitationEvent, ...]:
    match state:
        case Accepted():
            raise InvitationUsed
        case Revoked():
            raise InvitationWithdrawn
        case Open(invitation):
            if invitation.has_expired(command.at):
                raise InvitationExpired
            if command.is_member:
                raise AlreadyMember
            # Otherwise an attacker could come back through invitations sent with a stolen key or by a removed member.
            if command.authority is None:
                raise InviterLostAuthority
            try:
                refuse_giving(command.authority, invitation.role)
            except RoleBeyondAuthority:
                raise InviterLostAuthority from None
            return (InvitationAccepted(user_id=command.user_id, accepted_at=command.at),)
        case _:
            assert_never(state)


def _revoke(state: ExistingInvitation, command: RevokeInvitation) -> tuple[InvitationEvent, ...]:
    match state:
        case Accepted():
            raise InvitationUsed
        case Revoked():
            return ()
        case Open():
            return (InvitationRevoked(reason=command.reason, revoked_at=command.at),)
        case _:
            assert_never(state)


def evolve(state: InvitationState, event: InvitationEvent) -> InvitationState:
    if isinstance(event, MemberInvited):
        return _invited(state, event)
    if not isinstance(state, Open):
        raise ImpossibleHistory(event)
    invitation = replace(state.invitation, revision=state.invitation.revision + 1)
    match event:
        case InvitationAccepted():
            return Accepted(invitation, event.user_id)
        case InvitationRevoked():
            return Revoked(invitation)
        case _:
            assert_never(event)


def _invited(state: InvitationState, event: MemberInvited) -> Open:
    if state is not None:
        raise ImpossibleHistory(event)
    return Open(
        Invitation(
            id=event.invitation_id,
            organization_id=event.organization_id,
            role=event.role,
            token_digest=event.token_digest,
            invited_by=event.invited_by,
            invited_at=event.invited_at,
            expires_at=event.expires_at,
            revision=1,
        )
    )


INVITATION: Decider[InvitationState, InvitationCommand, InvitationEvent] = Decider(
    kind="invitation", initial=None, decide=decide, evolve=evolve, event_types=get_args(InvitationEvent)
)
