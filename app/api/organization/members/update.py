"""PATCH /v1/organization/members/{user_id}: change a member's role. Their keys lose grants that the new role lacks."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.organization.members.cascade_keys import run_with_keys
from app.api.organization.members.schemas import AssignedRole, Member
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.keys.commands import NarrowGrants
from domain.members import state
from domain.members.commands import ChangeRole
from domain.members.errors import MemberNotFound
from domain.members.events import MemberEvent
from domain.members.roles import authority_of
from eventstore.execute import Change
from infrastructure.clock import now
from projections.read_models.members.list.queries import member_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    role: AssignedRole


class ChangedMember(Member, frozen=True):
    """A member after a role change."""

    keys_narrowed: Annotated[int, Meta(ge=0, description="The number of their keys that lost management grants.")]


@Route(
    "PATCH",
    "/v1/organization/members/{user_id}",
    access="members:write",
    tag="Members",
    summary="Change the role of a member",
    description="You cannot change your own role or the owner's. Once this response is sent, the keys that the member "
    "created, and the keys created with those, have lost the management grants that the new role lacks.",
    body_example={"role": "auditor"},
    example=ChangedMember(
        user_id=examples.USER_ID,
        email="ada@example.com",
        role="auditor",
        joined_at=examples.THEN,
        revision=1,
        keys_narrowed=1,
    ),
    has_revision=True,
    if_match=True,
)
async def update_member(request: HttpRequest, user_id: str, body: Body) -> Success[ChangedMember]:
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        member = await member_of(connection, user_id, caller.organization_id)
    if member is None:
        raise MemberNotFound
    held = frozenset(authority_of(body.role).permissions.manage)
    return await run_with_keys(
        request,
        user_id,
        ChangeRole(body.role, at=now(), by=caller.actor, authority=caller.authority),
        lambda _: NarrowGrants(held),
        held=held,
        render=lambda change, keys: _to_changed_member(change, member.email, keys),
    )


def _to_changed_member(
    change: Change[state.MemberState, MemberEvent], email: str | None, keys_narrowed: int
) -> ChangedMember:
    member = change.after
    if not isinstance(member, state.Member):
        raise ImpossibleHistory(change)
    return ChangedMember(
        user_id=member.user_id,
        email=email,
        role=member.role,
        joined_at=member.added_at,
        revision=change.revision,
        keys_narrowed=keys_narrowed,
    )
