"""Decisions about a member.

An organization with members has exactly one owner at all times. The first member is added as the owner. No other member
is added as the owner or becomes one by a change of role. The owner cannot be removed. A transfer moves the ownership
from one member to the other in one transaction.
"""

from typing import assert_never, get_args

from msgspec.structs import replace

from domain.actor import UserActor
from domain.decider import Decider, ImpossibleHistory
from domain.members.commands import (
    AddMember,
    ChangeNotifications,
    ChangeRole,
    MemberCommand,
    ReceiveOwnership,
    RemoveMember,
    TransferOwnership,
)
from domain.members.errors import (
    AlreadyOwner,
    CannotChangeOwnRole,
    MemberLimitReached,
    MemberNotFound,
    OnlyTheOwner,
    OwnerCannotLeave,
    OwnershipMustBeTransferred,
)
from domain.members.events import (
    MemberAdded,
    MemberEvent,
    MemberRemoved,
    MemberRoleChanged,
    NotificationsChanged,
    OwnershipReceived,
    OwnershipTransferred,
)
from domain.members.notifications import Notifications
from domain.members.roles import owns, refuse_giving
from domain.members.state import Member, MemberState, Removed
from domain.refusal import Conflict


def decide(state: MemberState, command: MemberCommand) -> tuple[MemberEvent, ...]:
    match command:
        case AddMember():
            return _add(state, command)
        case ChangeRole():
            return _change_role(_member(state), command)
        case RemoveMember():
            if owns(_member(state).role):
                raise OwnerCannotLeave
            return (MemberRemoved(removed_at=command.at),)
        case TransferOwnership():
            return _transfer(_member(state), command)
        case ReceiveOwnership():
            if owns(_member(state).role):
                raise AlreadyOwner
            return (OwnershipReceived(from_user_id=command.from_user_id, received_at=command.at),)
        case ChangeNotifications():
            return _change_notifications(_member(state), command)
        case _:
            assert_never(command)


def _member(state: MemberState) -> Member:
    if not isinstance(state, Member):
        raise MemberNotFound
    return state


def _add(state: MemberState, command: AddMember) -> tuple[MemberEvent, ...]:
    if state is not None:
        raise Conflict("This person is a member already, or was one.")
    counts = command.counts
    if counts.used > 0 and owns(command.role):
        raise OwnershipMustBeTransferred
    if counts.used == 0 and not owns(command.role):
        raise Conflict("The first member of an organization is its owner.")
    if counts.full:
        raise MemberLimitReached(limit=counts.limit, used=counts.used, plan=counts.plan)
    return (
        MemberAdded(
            user_id=command.user_id,
            organization_id=command.organization_id,
            role=command.role,
            added_at=command.at,
        ),
    )


def _change_role(member: Member, command: ChangeRole) -> tuple[MemberEvent, ...]:
    if command.by == UserActor(member.user_id):
        raise CannotChangeOwnRole
    if owns(member.role):
        raise OwnerCannotLeave
    refuse_giving(command.authority, command.role, before=member.role)
    if command.role == member.role:
        return ()
    return (MemberRoleChanged(role=command.role, changed_at=command.at),)


def _transfer(member: Member, command: TransferOwnership) -> tuple[MemberEvent, ...]:
    if not owns(member.role) or command.by != UserActor(member.user_id):
        raise OnlyTheOwner
    if command.to_user_id == member.user_id:
        raise AlreadyOwner
    return (OwnershipTransferred(to_user_id=command.to_user_id, transferred_at=command.at),)


def _change_notifications(member: Member, command: ChangeNotifications) -> tuple[MemberEvent, ...]:
    chosen = member.notifications.changed(command.threshold, command.thresholds)
    if chosen == member.notifications:
        return ()
    return (NotificationsChanged(chosen.threshold, chosen.thresholds, changed_at=command.at),)


def evolve(state: MemberState, event: MemberEvent) -> MemberState:
    if isinstance(event, MemberAdded):
        return _added(state, event)
    if not isinstance(state, Member) or not _can_follow(state, event):
        raise ImpossibleHistory(event)
    member = replace(state, revision=state.revision + 1)
    match event:
        case MemberRoleChanged():
            return replace(member, role=event.role)
        case OwnershipTransferred():
            return replace(member, role="admin")
        case OwnershipReceived():
            return replace(member, role="owner")
        case NotificationsChanged():
            return replace(member, notifications=Notifications(event.threshold, event.thresholds))
        case MemberRemoved():
            return Removed(member, event.removed_at)
        case _:
            assert_never(event)


def _can_follow(member: Member, event: MemberEvent) -> bool:
    """Return whether the event is possible. An owner can only transfer the ownership or set notifications."""
    if isinstance(event, NotificationsChanged):
        return True
    if owns(member.role) != isinstance(event, OwnershipTransferred):
        return False
    return not (isinstance(event, MemberRoleChanged) and owns(event.role))


def _added(state: MemberState, event: MemberAdded) -> Member:
    if state is not None:
        raise ImpossibleHistory(event)
    return Member(
        user_id=event.user_id,
        organization_id=event.organization_id,
        role=event.role,
        added_at=event.added_at,
        revision=1,
    )


MEMBER: Decider[MemberState, MemberCommand, MemberEvent] = Decider(
    kind="member", initial=None, decide=decide, evolve=evolve, event_types=get_args(MemberEvent)
)
