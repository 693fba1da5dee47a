"""Ownership: an organization has exactly one owner at any time."""

import pytest
from msgspec.structs import replace

from domain.actor import KeyActor, UserActor
from domain.decider import ImpossibleHistory
from domain.members.commands import ReceiveOwnership, RemoveMember, TransferOwnership
from domain.members.decider import MEMBER
from domain.members.errors import AlreadyOwner, MemberNotFound, OnlyTheOwner, OwnerCannotLeave
from domain.members.events import MemberEvent
from domain.members.state import Member, Removed
from tests.domain.members.people import ADA, ADDED, BOB, FOUNDED, OWNER_ID, RECEIVED, REMOVED, TRANSFERRED
from tests.domain.sample import KEY_ID, NOW, ORGANIZATION_ID, at
from tests.given import given

TRANSFER = TransferOwnership(to_user_id=ADA, at=at(20), by=UserActor(OWNER_ID))
RECEIVE = ReceiveOwnership(from_user_id=OWNER_ID, at=at(20))
REMOVE = RemoveMember(at=at(30))


def test_an_owner_becomes_an_admin_by_transferring_ownership() -> None:
    given(MEMBER, FOUNDED).when(TRANSFER).then(TRANSFERRED)
    given(MEMBER, ADDED).when(RECEIVE).then(RECEIVED)
    assert MEMBER.fold([FOUNDED, TRANSFERRED]) == Member(OWNER_ID, ORGANIZATION_ID, "admin", NOW, revision=2)
    assert MEMBER.fold([ADDED, RECEIVED]) == Member(ADA, ORGANIZATION_ID, "owner", NOW, revision=2)


def test_only_the_owner_in_person_can_transfer_ownership() -> None:
    given(MEMBER, FOUNDED).when(replace(TRANSFER, by=UserActor(BOB))).then_refused(OnlyTheOwner, required=["owner"])
    given(MEMBER, FOUNDED).when(replace(TRANSFER, by=KeyActor(KEY_ID))).then_refused(OnlyTheOwner, required=["owner"])
    given(MEMBER, FOUNDED, TRANSFERRED).when(TRANSFER).then_refused(OnlyTheOwner, required=["owner"])


def test_only_another_member_can_receive_ownership() -> None:
    given(MEMBER, FOUNDED).when(replace(TRANSFER, to_user_id=OWNER_ID)).then_refused(AlreadyOwner)
    given(MEMBER, FOUNDED).when(RECEIVE).then_refused(AlreadyOwner)
    given(MEMBER).when(RECEIVE).then_refused(MemberNotFound)
    given(MEMBER, ADDED, REMOVED).when(RECEIVE).then_refused(MemberNotFound)
    given(MEMBER).when(TRANSFER).then_refused(MemberNotFound)


def test_a_member_can_be_removed_only_once() -> None:
    given(MEMBER, ADDED).when(REMOVE).then(REMOVED)
    given(MEMBER, ADDED, REMOVED).when(REMOVE).then_refused(MemberNotFound)
    given(MEMBER).when(REMOVE).then_refused(MemberNotFound)
    assert MEMBER.fold([ADDED, REMOVED]) == Removed(Member(ADA, ORGANIZATION_ID, "member", NOW, revision=2), at(30))


def test_an_owner_can_be_removed_only_after_a_transfer() -> None:
    given(MEMBER, FOUNDED).when(REMOVE).then_refused(OwnerCannotLeave)
    given(MEMBER, FOUNDED, TRANSFERRED).when(REMOVE).then(REMOVED)
    given(MEMBER, ADDED, RECEIVED).when(REMOVE).then_refused(OwnerCannotLeave)


@pytest.mark.parametrize(
    "history",
    [[ADDED, TRANSFERRED], [FOUNDED, RECEIVED], [FOUNDED, REMOVED], [TRANSFERRED], [ADDED, REMOVED, RECEIVED]],
)
def test_a_damaged_history_is_impossible(history: list[MemberEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        MEMBER.fold(history)
