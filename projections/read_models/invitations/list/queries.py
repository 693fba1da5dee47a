"""Queries on the invitation list."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.ids import is_id
from domain.keys.delegation import UNRESTRICTED, Scope, scope_of
from domain.keys.state import Active, Existing
from domain.members.email_address import normalized
from domain.members.events import AssignableRole, Role
from domain.members.roles import authority_of
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    invitation_put: bytes
    address_put: bytes
    address_remove: bytes
    addresses_forget: bytes
    addresses_erase: bytes
    by_digest: bytes
    open_for: bytes
    accepting: bytes
    open_page: bytes
    open_page_after: bytes
    open_total: bytes
    open_one: bytes


SQL = load(Queries, __file__)

_key_decoder: msgspec.json.Decoder[Existing] = msgspec.json.Decoder(Existing)


class Found(NamedTuple):
    """The invitation of a token, and its organization."""

    invitation_id: str
    organization_id: str


class Waiting(NamedTuple):
    """The state of an address: the open invitation to it, and whether it belongs to a member."""

    invitation_id: str | None
    is_member: bool


class Accepting(NamedTuple):
    """The facts for accepting an invitation. `email` is None if it has ended.

    `authority` is the sender's current authority.
    """

    role: Role
    email: str | None
    authority: Scope | None
    is_member: bool


class InvitationRow(NamedTuple):
    invitation_id: str
    email: str
    role: AssignableRole
    invited_by: str
    invited_at: datetime
    expires_at: datetime


async def by_digest(connection: Connection, digest: bytes) -> Found | None:
    """Return the invitation of a token. This runs before authentication, when the organization is not known yet."""
    row = await (await connection.execute(SQL.by_digest, (digest,))).fetchone()
    return None if row is None else Found(*row)


async def waiting_for(connection: Connection, organization_id: str, email: str) -> Waiting:
    parameters = {"organization_id": organization_id, "folded": normalized(email)}
    row = await (await connection.execute(SQL.open_for, parameters)).fetchone()
    return Waiting(None, is_member=False) if row is None else Waiting(*row)


async def accepting(connection: Connection, invitation_id: str, at: datetime) -> Accepting | None:
    row = await (await connection.execute(SQL.accepting, (invitation_id,))).fetchone()
    if row is None:
        return None
    role, email, invited_by, inviter_role, key_state, is_member = row
    return Accepting(role, email, _authority(invited_by, inviter_role, key_state, at), is_member)


def address_put(invitation_id: str, organization_id: str, email: str) -> Statement:
    return Statement(SQL.address_put, (invitation_id, organization_id, email, normalized(email)))


def addresses_forget(organization_id: str, at: datetime) -> Statement:
    """Return the statement that removes the addresses of expired invitations."""
    return Statement(SQL.addresses_forget, (organization_id, at))


async def open_page(
    connection: Connection, organization_id: str, at: datetime, limit: int, offset: int
) -> list[InvitationRow]:
    parameters = {"organization_id": organization_id, "at": at, "limit": limit, "offset": offset}
    cursor = await connection.execute(SQL.open_page, parameters)
    return [InvitationRow(*row) for row in await cursor.fetchall()]


async def open_page_after(
    connection: Connection, organization_id: str, at: datetime, last: tuple[datetime, str], limit: int
) -> list[InvitationRow]:
    """Return open invitations after `last`, the time and id of the last one seen."""
    parameters = {"organization_id": organization_id, "at": at, "limit": limit}
    parameters |= {"invited_at": last[0], "invitation_id": last[1]}
    cursor = await connection.execute(SQL.open_page_after, parameters)
    return [InvitationRow(*row) for row in await cursor.fetchall()]


async def open_total(connection: Connection, organization_id: str, at: datetime) -> int:
    cursor = await connection.execute(SQL.open_total, {"organization_id": organization_id, "at": at})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def open_one(
    connection: Connection, organization_id: str, at: datetime, invitation_id: str
) -> InvitationRow | None:
    parameters = {"organization_id": organization_id, "at": at, "invitation_id": invitation_id}
    row = await (await connection.execute(SQL.open_one, parameters)).fetchone()
    return None if row is None else InvitationRow(*row)


def _authority(inviter: str, role: Role | None, key_state: bytes | None, at: datetime) -> Scope | None:
    """Return what the inviting user or key may currently grant, or None if it no longer exists."""
    if role is not None:
        return authority_of(role)
    if key_state is not None:
        state = _key_decoder.decode(bytes(key_state))
        return scope_of(state.key) if isinstance(state, Active) and not state.key.has_expired(at) else None
    # A system actor is neither a user nor a key, and is not restricted.
    return None if is_id("user", inviter) or is_id("key", inviter) else UNRESTRICTED
