"""Queries on sessions, sign-in links and the throttling of attempts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.members.email_address import normalized
from domain.members.events import Role
from domain.sessions.events import Method
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    session_add: bytes
    session_remove: bytes
    sessions_remove_of: bytes
    sessions_remove_all: bytes
    session_find: bytes
    session_seen: bytes
    sessions_of: bytes
    link_add: bytes
    link_find: bytes
    link_lock: bytes
    link_use: bytes
    people_of_address: bytes
    people_of_ids: bytes
    has_other_organization: bytes
    rate_take: bytes
    rate_find: bytes
    failure_add: bytes
    failures_latest: bytes
    sessions_forget: bytes
    links_forget: bytes
    rates_forget: bytes
    failures_forget: bytes


SQL = load(Queries, __file__)


class Person(NamedTuple):
    """A user in an organization. `revision` is that of their membership."""

    user_id: str
    organization_id: str
    role: Role
    revision: int


class Found(NamedTuple):
    """A session, and the current data of its user."""

    session_id: str
    person: Person
    last_seen_at: datetime


class SessionRow(NamedTuple):
    session_id: str
    method: Method
    started_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip: str | None
    user_agent: str | None


class Link(NamedTuple):
    user_ids: list[str]
    method: Method
    expires_at: datetime
    used_at: datetime | None
    next_path: str | None


class SignInFailure(NamedTuple):
    at: datetime
    reason: str
    user_ids: list[str]
    ip: str | None
    user_agent: str | None
    request_id: str | None


async def find(connection: Connection, digest: bytes, at: datetime, idle: timedelta) -> Found | None:
    """Return the session of `digest`, unless it has ended in any way."""
    row = await (await connection.execute(SQL.session_find, (digest, at, at - idle))).fetchone()
    return None if row is None else Found(row[0], Person(row[1], row[2], row[3], row[4]), row[5])


async def sessions_of(connection: Connection, user_id: str, at: datetime, idle: timedelta) -> list[SessionRow]:
    cursor = await connection.execute(SQL.sessions_of, (user_id, at, at - idle))
    return [SessionRow(*row) for row in await cursor.fetchall()]


async def people_of_address(connection: Connection, email: str) -> list[tuple[str, Person]]:
    """Return one user for each organization that knows the address, with the address as it is stored there."""
    cursor = await connection.execute(SQL.people_of_address, (normalized(email),))
    return [(row[0], Person(*row[1:])) for row in await cursor.fetchall()]


async def people_of_ids(connection: Connection, user_ids: Sequence[str]) -> list[Person]:
    """Return those of `user_ids` who are currently members."""
    return [Person(*row) for row in await (await connection.execute(SQL.people_of_ids, (list(user_ids),))).fetchall()]


async def has_other_organization(connection: Connection, session_id: str) -> bool:
    """Return whether the proven address of a session's user belongs to a member of another organization, too."""
    row = await (await connection.execute(SQL.has_other_organization, (session_id,))).fetchone()
    return row is not None and bool(row[0])


def link_add(
    digest: bytes,
    user_ids: Sequence[str],
    method: Method,
    at: datetime,
    expires_at: datetime,
    next_path: str | None = None,
) -> Statement:
    """Return the statement that adds a link. It adds none without users."""
    return Statement(SQL.link_add, (digest, list(user_ids), method, at, expires_at, next_path))


async def link(connection: Connection, digest: bytes) -> Link | None:
    row = await (await connection.execute(SQL.link_find, (digest,))).fetchone()
    return None if row is None else Link(*row)


def link_lock(digest: bytes) -> Statement:
    """Return the statement that reads the row of a `Link` and locks it until the transaction ends."""
    return Statement(SQL.link_lock, (digest,))


def link_use(digest: bytes, at: datetime) -> Statement:
    return Statement(SQL.link_use, (at, digest))


async def throttle(connection: Connection, bucket: bytes, at: datetime, one: timedelta, burst: int) -> timedelta | None:
    """Count an attempt. Return None if it is allowed, and otherwise the time until the next one is.

    Up to `burst` attempts are allowed, and one more every `one` (GCRA, ITU-T I.371). A refused attempt does not count.
    """
    parameters = {"bucket": bucket, "now": at, "one": one, "all": one * burst}
    if await (await connection.execute(SQL.rate_take, parameters)).fetchone() is not None:
        return None
    row = await (await connection.execute(SQL.rate_find, (bucket,))).fetchone()
    return max(timedelta(0), (at if row is None else row[0]) + one - one * burst - at)


async def failures(connection: Connection, since: datetime, count: int) -> list[SignInFailure]:
    """Return the latest failed sign-in attempts after `since`, newest first."""
    cursor = await connection.execute(SQL.failures_latest, (since, count))
    return [SignInFailure(*row) for row in await cursor.fetchall()]
