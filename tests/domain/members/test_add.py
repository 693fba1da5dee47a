import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.members.errors import MemberLimitReached, OwnershipMustBeTransferred
from domain.members.state import Member
from domain.plans.plan import MemberCounts
from domain.refusal import Conflict
from tests.domain.members.people import ADA, ADDED, BOB, FOUNDED, OWNER_ID, REMOVED
from tests.domain.sample import NOW, ORGANIZATION_ID
from tests.given import given

FOUND = AddMember(OWNER_ID, ORGANIZATION_ID, "owner", NOW, MemberCounts(used=0, limit=1, plan="free"))
ADD = AddMember(ADA, ORGANIZATION_ID, "member", NOW, MemberCounts(used=4, limit=5, plan="pro"))


def test_a_user_can_be_added_only_once() -> None:
    given(MEMBER).when(ADD).then(ADDED)
    given(MEMBER, ADDED).when(ADD).then_refused(Conflict)
    assert MEMBER.fold([ADDED]) == Member(ADA, ORGANIZATION_ID, "member", NOW, revision=1)


def test_a_removed_member_cannot_be_added_under_the_same_id() -> None:
    given(MEMBER, ADDED, REMOVED).when(ADD).then_refused(Conflict)


def test_the_first_member_and_no_other_is_the_owner() -> None:
    given(MEMBER).when(FOUND).then(FOUNDED)
    given(MEMBER).when(replace(FOUND, role="admin")).then_refused(Conflict)
    given(MEMBER).when(replace(ADD, role="owner")).then_refused(OwnershipMustBeTransferred)


def test_no_member_is_added_beyond_the_limit() -> None:
    full = MemberCounts(used=5, limit=5, plan="pro")
    given(MEMBER).when(replace(ADD, counts=full)).then_refused(MemberLimitReached, limit=5, used=5, plan="pro")
    given(MEMBER).when(replace(ADD, counts=MemberCounts(used=5, limit=None, plan="team"))).then(ADDED)


def test_a_history_in_which_a_member_is_added_twice_is_impossible() -> None:
    with pytest.raises(ImpossibleHistory):
        MEMBER.fold([ADDED, replace(ADDED, user_id=BOB)])
