"""Invitations by link: the person who opens the link becomes a member, once.

The link is returned once to the inviting caller and sent to the invited address. Only the digest of its token is
stored.
"""

from typing import Any, NamedTuple

from psycopg.rows import TupleRow

from app.auth.sessions import digest_of
from app.http.messages import RawRequest
from app.services import Services
from domain.actor import UserActor
from domain.invitations.commands import AcceptInvitation
from domain.invitations.decider import INVITATION
from domain.invitations.errors import InvitationNotFound, InvitationWithdrawn
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.members.events import Role
from domain.plans.plan import MemberCounts
from eventstore.execute import LockAndQuery, RelatedCommand
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from infrastructure.settings import Settings
from projections.read_models.invitations.list.queries import Accepting, Found, accepting, by_digest
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import members_guard

TOKEN_PREFIX = "ki_"  # noqa: S105 -- a prefix, which makes leaked tokens recognizable


class Accepted(NamedTuple):
    """The membership that an invitation has created."""

    user_id: str
    organization_id: str
    role: Role
    email: str


class _Facts(NamedTuple):
    counts: MemberCounts
    accepting: Accepting


def link_to(config: Settings, token: str) -> str:
    """Return the URL at which the holder of `token` accepts the invitation."""
    return f"{config.public_url}/invitations/accept?token={token}"


async def accept_invitation(services: Services, inbound: RawRequest, token: str) -> Accepted:
    """Make the holder of `token` a member of the organization that the invitation is for.

    Raise `InvitationNotFound`, `InvitationUsed`, `InvitationWithdrawn`, `InvitationExpired`, `InviterLostAuthority`,
    `AlreadyMember` or `MemberLimitReached`. Nothing has changed in these cases.
    """
    async with services.credential_lookup() as connection:
        found = await by_digest(connection, digest_of(token))
    if found is None:
        raise InvitationNotFound
    user_id, at = new_id("user"), now()
    seen: list[_Facts] = []

    def add(facts: _Facts) -> AddMember:
        seen.append(facts)
        return AddMember(user_id, found.organization_id, facts.accepting.role, at, facts.counts)

    def accept(facts: _Facts) -> list[RelatedCommand[Any, Any, Any]]:
        known = facts.accepting
        command = AcceptInvitation(user_id, at, authority=known.authority, is_member=known.is_member)
        return [RelatedCommand(INVITATION, found.invitation_id, command)]

    await services.commands.run(
        MEMBER,
        user_id,
        found.organization_id,
        add,
        origin=Origin(UserActor(user_id), inbound.ip, inbound.user_agent, inbound.request_id),
        at=at,
        guard=_lock_and_read_facts(services, found),
        related_commands=accept,
        extra_statements=lambda _: [user_put(user_id, found.organization_id, _email(seen[-1]))],
    )
    return Accepted(user_id, found.organization_id, seen[-1].accepting.role, _email(seen[-1]))


def _lock_and_read_facts(services: Services, found: Found) -> LockAndQuery[_Facts]:
    guard = members_guard(found.organization_id, services.plans)

    async def read(connection: Connection, row: TupleRow | None) -> _Facts:
        known = await accepting(connection, found.invitation_id, now())
        if known is None:
            raise InvitationNotFound
        return _Facts(guard.facts(row), known)

    return LockAndQuery(guard.statement, read)


def _email(facts: _Facts) -> str:
    """Return the address that was invited. An open invitation whose address was erased is not found."""
    if facts.accepting.email is None:
        raise InvitationWithdrawn
    return facts.accepting.email
