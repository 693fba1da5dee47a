"""Members in requests and responses."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.organization.schemas import EmailAddress
from app.api.schemas import Revision, Time, UserId
from domain.members.events import Role
from projections.read_models.members.list.queries import MemberRow

AssignedRole = Annotated[
    Role, Meta(description="The role. Ownership cannot be assigned as a role; transfer it instead.")
]


class Member(Struct, frozen=True):
    """A member of the organization. An erased address is null."""

    user_id: UserId
    email: EmailAddress | None
    role: Role
    joined_at: Time
    revision: Revision


MEMBER_EXAMPLE = Member(
    user_id=examples.USER_ID, email="ada@example.com", role="member", joined_at=examples.THEN, revision=1
)


def to_member(member: MemberRow) -> Member:
    return Member(
        user_id=member.user_id,
        email=member.email,
        role=member.role,
        joined_at=member.added_at,
        revision=member.revision,
    )
