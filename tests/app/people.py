"""Signed-in members for tests, added the way the application adds them."""

from datetime import timedelta
from typing import Any

from app.auth.sessions import SECRET_PREFIX, csrf_token, digest_of, new_secret
from domain.actor import UserActor
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.members.events import Role
from domain.plans.plan import PLANS, MemberCounts
from domain.sessions.commands import StartSession
from domain.sessions.decider import SESSION
from eventstore.execute import Write, execute, no_guard
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import members_guard
from projections.records.sessions.queries import SQL
from projections.registry import INLINE
from tests.app.organizations import Api
from tests.random_input import random_email

COOKIE = "keyledger_session"
"""The name of the session cookie on plain HTTP over loopback, which the tests use."""


class Person:
    """A person with a session. `client` sends the session cookie and the CSRF token."""

    def __init__(self, api: Api, user_id: str, organization_id: str, email: str) -> None:
        self._api = api
        self.id = user_id
        self.organization_id = organization_id
        self.email = email
        self.session_id, self.secret = self.session()
        self.client = api.client(Cookie=f"{COOKIE}={self.secret}", X_CSRF_Token=csrf_token(self.secret))

    def session(self) -> tuple[str, str]:
        """Start another session and return its id and secret."""
        secret = new_secret(SECRET_PREFIX)
        database = self._api.database
        return database.run(start_session(database.pool, self.id, self.organization_id, secret)), secret


def person(api: Api, organization_id: str, role: Role = "admin", email: str | None = None) -> Person:
    """Add a member and sign them in. If the organization has no members yet, add an owner first."""
    address = email or random_email()
    if role != "owner" and not api.database.rows(
        "select 1 from member_list where organization_id = %s", organization_id
    ):
        person(api, organization_id, "owner")
    user_id = api.database.run(_member(api.database.pool, organization_id, role, address))
    return Person(api, user_id, organization_id, address)


async def _member(pool: Pool, organization_id: str, role: Role, email: str) -> str:
    user_id = new_id("user")
    at = now()

    def command(counts: MemberCounts) -> AddMember:
        return AddMember(user_id, organization_id, role, at, counts)

    write = _write(
        MEMBER,
        user_id,
        organization_id,
        user_id,
        command,
        members_guard(organization_id, PLANS),
        user_put(user_id, organization_id, email),
    )
    await execute(pool, write, INLINE)
    return user_id


async def start_session(pool: Pool, user_id: str, organization_id: str, secret: str) -> str:
    """Start a session of a member, whose cookie contains `secret`. Return its id."""
    session_id = new_id("ses")
    at = now()
    expires_at = at + timedelta(days=30)
    command = StartSession(session_id, organization_id, user_id, "link", at, expires_at)
    values = (session_id, digest_of(secret), user_id, organization_id, "link", at, at, expires_at, "127.0.0.1", "tests")
    write = _write(
        SESSION,
        session_id,
        organization_id,
        user_id,
        lambda _: command,  # pyright: ignore[reportUnknownLambdaType]
        no_guard(),
        Statement(SQL.session_add, values),
    )
    await execute(pool, write, INLINE)
    return session_id


def _write(
    decider: Any,  # noqa: ANN401 -- of either aggregate
    stream_id: str,
    organization_id: str,
    user_id: str,
    command: Any,  # noqa: ANN401 -- of its decider
    guard: Any,  # noqa: ANN401 -- for its command
    also: Statement,
) -> Write[Any, Any, Any, Any]:
    return Write(
        decider=decider,
        stream_id=stream_id,
        organization_id=organization_id,
        command=command,
        guard=guard,
        at=now(),
        origin=Origin(UserActor(user_id)),
        extra_statements=lambda _: [also],
    )
