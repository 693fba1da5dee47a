"""Sign-in by mail: a link to an address, and the session that the link is exchanged for.

No response reveals whether an address is known. The response is the same, and so is the work, except for the rows
written at the end. A link works once, within fifteen minutes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import TupleRow

from app.auth.sessions import LINK_PREFIX, SECRET_PREFIX, digest_of, new_secret
from app.auth.sign_in_throttle import (
    LINKS_PER_ADDRESS,
    LINKS_PER_CLIENT,
    SIGN_INS_PER_CLIENT,
    client_of,
    record_failure,
    throttle,
)
from app.http.errors import Problem, unauthorized
from app.http.messages import RawRequest
from app.services import Services
from domain.actor import UserActor
from domain.fields import FieldErrors
from domain.members.email_address import check_email, normalized
from domain.sessions.commands import StartSession
from domain.sessions.decider import SESSION
from domain.sessions.events import Method
from eventstore.execute import LockAndQuery, VersionPrecondition
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement
from infrastructure.settings import Settings
from projections.outboxes.mail.outbox import Mail, mail_add_for_link
from projections.read_models.organizations.counts.queries import admission
from projections.records.sessions import queries as sessions
from projections.records.sessions.queries import Link, Person

LINK_LASTS = timedelta(minutes=15)
_SUBJECT = "Your Keyledger sign-in link"
_TEXT = """Open this link to sign in to Keyledger:

{link}

The link works once, within {minutes} minutes. If you did not request it, ignore this mail.
"""


class SignedIn(NamedTuple):
    """A new session. `secret` goes into the cookie and is not stored. `next_path`: what the visitor wanted to see."""

    secret: str
    session_id: str
    person: Person
    next_path: str | None = None


class OrganizationChoice(NamedTuple):
    """The address belongs to users of several organizations, so the client must choose one. The link is not used up."""

    people: list[Person]


async def send_link(services: Services, inbound: RawRequest, email: str, next_path: str | None = None) -> None:
    """Send a link to `email` if a user has that address. Raise 429 for too many attempts, 422 for a bad address.

    The sign-in continues with `next_path`, wherever the link is opened.
    """
    problems = FieldErrors()
    check_email(problems, email)
    problems.raise_if_any()
    await throttle(services, inbound, LINKS_PER_CLIENT, client_of(inbound))
    await throttle(services, inbound, LINKS_PER_ADDRESS, normalized(email))
    async with services.auth_write_transaction() as connection:
        address, people = resolve_recipient(email, await sessions.people_of_address(connection, email))
        _, statements = link_for(services, address, people, next_path)
        async with connection.pipeline():
            for statement in statements:
                await connection.execute(*statement)


def resolve_recipient(email: str, known: Sequence[tuple[str, Person]]) -> tuple[str, list[Person]]:
    """Return the address for the mail and the users who may sign in with its link.

    The mail never goes to the address as typed. Two addresses that compare as equal, such as one with a Kelvin sign for
    a K, can be mailboxes of different people. Only the letters A to Z are case-insensitive on every mail server.
    """
    if not known:
        return email, []
    written = {_ascii_lower(address) for address, _ in known}
    chosen = _ascii_lower(email) if _ascii_lower(email) in written else min(written)
    return next(address for address, _ in known if _ascii_lower(address) == chosen), people_with(chosen, known)


def people_with(email: str, known: Sequence[tuple[str, Person]]) -> list[Person]:
    """Return the users in `known` with exactly this address, except for the case of A to Z."""
    return [person for address, person in known if _ascii_lower(address) == _ascii_lower(email)]


def link_for(
    services: Services, address: str, people: Sequence[Person], next_path: str | None
) -> tuple[str, list[Statement]]:
    """Return the token of a new link for `people`, and the statements that store it and its mail, if any."""
    token = new_secret(LINK_PREFIX)
    at = now()
    ends = at + LINK_LASTS
    text = _TEXT.format(link=link_to(services.config, token), minutes=LINK_LASTS // timedelta(minutes=1))
    mail = mail_add_for_link(
        services.sealer,
        new_id("mail"),
        Mail(to=address, subject=_SUBJECT, text=text),
        at=at,
        expires_at=ends,
        link_digest=digest_of(token),
    )
    user_ids = [person.user_id for person in people]
    return token, [sessions.link_add(digest_of(token), user_ids, "link", at, ends, next_path), mail]


async def link_without_mail(services: Services, people: Sequence[Person], method: Method, next_path: str | None) -> str:
    """Return a link token for users who have proved their identity and must still choose an organization."""
    token = new_secret(LINK_PREFIX)
    at = now()
    async with services.auth_write_transaction() as connection:
        user_ids = [person.user_id for person in people]
        await connection.execute(*sessions.link_add(digest_of(token), user_ids, method, at, at + LINK_LASTS, next_path))
    return token


def link_to(config: Settings, token: str) -> str:
    """Return the URL at which the holder of `token` signs in."""
    return f"{config.public_url}/sign-in/confirm?token={token}"


async def candidates(services: Services, token: str) -> list[Person]:
    """Return the users who may sign in with a link, or none if it no longer works. The link is not used up."""
    async with services.credential_lookup() as connection:
        link = await sessions.link(connection, digest_of(token))
        if _link_problem(link, now()) is not None or link is None:
            return []
        return await sessions.people_of_ids(connection, link.user_ids)


async def redeem_link(
    services: Services, inbound: RawRequest, token: str, organization_id: str | None
) -> SignedIn | OrganizationChoice:
    """Exchange a link's token for a session. Raise 401 if the link does not work, 429 for too many attempts."""
    await throttle(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    digest = digest_of(token)
    async with services.credential_lookup() as connection:
        link = await sessions.link(connection, digest)
        defect = _link_problem(link, now())
        user_ids = [] if link is None else link.user_ids
        people = [] if defect else await sessions.people_of_ids(connection, user_ids)
        chosen = [person for person in people if organization_id in {None, person.organization_id}]
        if not chosen:
            await record_failure(connection, inbound, defect or "not a member", user_ids)
    if not chosen:
        raise refused_link()
    if len(chosen) > 1:
        return OrganizationChoice(chosen)

    admitted = admission(chosen[0].organization_id)

    async def require_unused(connection: Connection, row: TupleRow | None) -> None:
        # Read again under the lock: of two concurrent requests, the second one finds the link used.
        if _link_problem(None if row is None else Link(*row), now()) is not None:
            raise refused_link()
        cursor = await connection.execute(*admitted.statement)
        admitted.facts(await cursor.fetchone())

    guard = LockAndQuery(sessions.link_lock(digest), require_unused)
    method, wanted = ("link", None) if link is None else (link.method, link.next_path)
    use = sessions.link_use(digest, now())
    started = await start_session(services, inbound, chosen[0], method, guard, use)
    return started._replace(next_path=wanted)


async def start_session(
    services: Services,
    inbound: RawRequest,
    person: Person,
    method: Method,
    guard: LockAndQuery[None] | None = None,
    *extra_statements: Statement,
) -> SignedIn:
    """Start a session for `person` with a new secret. `extra_statements` run in the same transaction."""
    at = now()
    secret = new_secret(SECRET_PREFIX)
    command = StartSession(
        session_id=new_id("ses"),
        organization_id=person.organization_id,
        user_id=person.user_id,
        method=method,
        at=at,
        expires_at=at + services.config.session_lifetime,
    )
    row = Statement(
        sessions.SQL.session_add,
        (
            command.session_id,
            digest_of(secret),
            person.user_id,
            person.organization_id,
            method,
            at,
            at,
            command.expires_at,
            inbound.ip,
            inbound.user_agent,
        ),
    )
    await services.commands.run(
        SESSION,
        command.session_id,
        person.organization_id,
        command,
        origin=Origin(UserActor(person.user_id), inbound.ip, inbound.user_agent, inbound.request_id),
        at=at,
        guard=guard,
        # A user who is removed concurrently gets no session that outlives the removal.
        requires_unchanged=VersionPrecondition(person.user_id, person.revision),
        extra_statements=[row, *extra_statements],
    )
    return SignedIn(secret, command.session_id, person)


def _link_problem(link: Link | None, at: datetime) -> str | None:
    """Return the reason why a link does not work, as `sign_in_failures` stores it, or None."""
    if link is None:
        return "unknown link"
    if link.used_at is not None:
        return "used link"
    return "expired link" if at >= link.expires_at else None


def refused_link() -> Problem:
    detail = "The link does not work any more: it has been used, has expired, or was never sent. Request a new one."
    return unauthorized("unauthorized", presented=True, detail=detail)


def _ascii_lower(address: str) -> str:
    return "".join([character.lower() if character.isascii() else character for character in address])
