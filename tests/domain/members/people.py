"""Two members and their events, as a base for tests."""

from domain.members.events import MemberAdded, MemberRemoved, OwnershipReceived, OwnershipTransferred
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER, an_id, at

OWNER_ID = OWNER.id
ADA = an_id("user", 1)
BOB = an_id("user", 2)

FOUNDED = MemberAdded(OWNER_ID, ORGANIZATION_ID, "owner", added_at=NOW)
ADDED = MemberAdded(ADA, ORGANIZATION_ID, "member", added_at=NOW)
REMOVED = MemberRemoved(removed_at=at(30))
TRANSFERRED = OwnershipTransferred(to_user_id=ADA, transferred_at=at(20))
RECEIVED = OwnershipReceived(from_user_id=OWNER_ID, received_at=at(20))
