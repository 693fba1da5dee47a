"""Queries on the member list."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.members.email_address import normalized
from domain.members.events import Role
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    member_put: bytes
    member_remove: bytes
    user_put: bytes
    user_leave: bytes
    users_erase: bytes
    emails_of_managers: bytes
    emails: bytes
    detail: bytes
    page: bytes
    page_after: bytes
    total: bytes


SQL = load(Queries, __file__)


class MemberRow(NamedTuple):
    """A member. `email` is None if the address was erased. `revision` counts the changes of the membership."""

    user_id: str
    email: str | None
    role: Role
    added_at: datetime
    revision: int


class Filters(NamedTuple):
    """Which members of an organization to return. `role` None: members with any role."""

    organization_id: str
    role: Role | None = None


def user_put(user_id: str, organization_id: str, email: str) -> Statement:
    """Return the statement that stores a user's address, and its normalized form for comparisons."""
    return Statement(SQL.user_put, (user_id, organization_id, email, normalized(email)))


async def emails(connection: Connection, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the email addresses by user id, without the users whose address was erased."""
    if not user_ids:
        return {}
    cursor = await connection.execute(SQL.emails, (list(user_ids),))
    return {user_id: email for user_id, email in await cursor.fetchall()}  # noqa: C416 -- rows are untyped tuples


async def emails_of_managers(connection: Connection, organization_id: str) -> dict[str, str]:
    """Return the addresses of the owner and the admins by user id, without erased ones."""
    cursor = await connection.execute(SQL.emails_of_managers, (organization_id,))
    return {user_id: email for user_id, email in await cursor.fetchall()}  # noqa: C416 -- rows are untyped tuples


async def member_of(connection: Connection, user_id: str, organization_id: str) -> MemberRow | None:
    row = await (await connection.execute(SQL.detail, (user_id, organization_id))).fetchone()
    return None if row is None else MemberRow(*row)


async def page(connection: Connection, filters: Filters, limit: int, offset: int) -> list[MemberRow]:
    cursor = await connection.execute(SQL.page, {**filters._asdict(), "limit": limit, "offset": offset})
    return [MemberRow(*row) for row in await cursor.fetchall()]


async def page_after(
    connection: Connection, filters: Filters, added_at: datetime, user_id: str, limit: int
) -> list[MemberRow]:
    parameters = {**filters._asdict(), "added_at": added_at, "user_id": user_id, "limit": limit}
    cursor = await connection.execute(SQL.page_after, parameters)
    return [MemberRow(*row) for row in await cursor.fetchall()]


async def total(connection: Connection, filters: Filters) -> int:
    cursor = await connection.execute(SQL.total, filters._asdict())
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
