"""Signing in: a link for whoever can read the mails of an address, and the session that it is exchanged for.

Nothing that is said or done on the way tells whether an address is known: the answer is the same, and so is the work,
but for the rows that are written in the end. A link works once, and for fifteen minutes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import TupleRow

from app.config import Config
from app.exchange import Inbound
from app.outcomes import carry_out
from app.problems import Problem, unauthorized
from app.security.attempts import (
    LINKS_PER_ADDRESS,
    LINKS_PER_CLIENT,
    SIGN_INS_PER_CLIENT,
    client_of,
    count,
    note_failure,
)
from app.security.sessions import LINK_PREFIX, SECRET_PREFIX, digest_of, new_secret
from app.services import Services
from domain.actor import UserActor
from domain.fields import Problems
from domain.members.email_address import check_email, folded
from domain.sessions.commands import StartSession
from domain.sessions.decider import SESSION
from domain.sessions.events import Method
from eventstore.clock import new_event_id, new_id, now
from eventstore.execute import Guard, Reliance, Write, no_guard
from eventstore.recorded import Origin
from eventstore.statements import Statement
from projections.mail.outbox import Mail, mail_add_for_link
from projections.sessions import queries as sessions
from projections.sessions.queries import Link, Person

LINK_LASTS = timedelta(minutes=15)
_SUBJECT = "Your link to sign in to Keyledger"
_TEXT = """Open this link to sign in to Keyledger:

{link}

It works once, within {minutes} minutes. If you did not ask for it, ignore this mail: nobody is signed in without it.
"""


class SignedIn(NamedTuple):
    """`secret` goes into the cookie and is kept nowhere."""

    secret: str
    session_id: str
    person: Person


class Choice(NamedTuple):
    """The address belongs to people of several organizations: one has to be named. Nothing was used up."""

    people: list[Person]


async def send_link(services: Services, inbound: Inbound, email: str) -> None:
    """Send a link to `email` if somebody has that address. Raises 429, and 422 for what is no address."""
    problems = Problems()
    check_email(problems, email)
    problems.refuse_any()
    await count(services, inbound, LINKS_PER_CLIENT, client_of(inbound))
    await count(services, inbound, LINKS_PER_ADDRESS, folded(email))
    async with services.writing_at_the_gate() as connection:
        address, people = mailbox(email, await sessions.people_of_address(connection, email))
        _, statements = link_for(services, address, people)
        async with connection.pipeline():
            for statement in statements:
                await connection.execute(*statement)


def mailbox(email: str, known: Sequence[tuple[str, Person]]) -> tuple[str, list[Person]]:
    """Where the mail goes, and who may sign in with what it says.

    Never to the address as it was typed: two that are compared as equal, such as one with a Kelvin sign for a K, can
    be mailboxes of different people. Only capitals A to Z are the same to every mail server that there is.
    """
    if not known:
        return email, []
    written = {_lowered(address) for address, _ in known}
    chosen = _lowered(email) if _lowered(email) in written else min(written)
    return next(address for address, _ in known if _lowered(address) == chosen), people_with(chosen, known)


def people_with(email: str, known: Sequence[tuple[str, Person]]) -> list[Person]:
    """Those of `known` whose address is this very one, capitals A to Z aside."""
    return [person for address, person in known if _lowered(address) == _lowered(email)]


def link_for(services: Services, address: str, people: Sequence[Person]) -> tuple[str, list[Statement]]:
    """The token of a new link for `people`, and what puts it and the mail into the database; nothing for nobody."""
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
    return token, [sessions.link_add(digest_of(token), user_ids, "link", at, ends), mail]


async def link_without_mail(services: Services, people: Sequence[Person], method: Method) -> str:
    """The token of a link for people who proved who they are, and have to say now in which organization."""
    token = new_secret(LINK_PREFIX)
    at = now()
    async with services.writing_at_the_gate() as connection:
        user_ids = [person.user_id for person in people]
        await connection.execute(*sessions.link_add(digest_of(token), user_ids, method, at, at + LINK_LASTS))
    return token


def link_to(config: Config, token: str) -> str:
    """Where the holder of `token` signs in."""
    return f"{config.public_url}/sign-in/confirm?token={token}"


async def people_of(services: Services, token: str) -> list[Person]:
    """Who may sign in with a link; nobody where it does not work any more. Uses nothing up."""
    async with services.at_the_gate() as connection:
        link = await sessions.link(connection, digest_of(token))
        if _defect(link, now()) is not None or link is None:
            return []
        return await sessions.people_of_ids(connection, link.user_ids)


async def redeem(services: Services, inbound: Inbound, token: str, organization_id: str | None) -> SignedIn | Choice:
    """Exchange the token of a link for a session. Raises 401 for one that does not work, 429 for too many attempts."""
    await count(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    digest = digest_of(token)
    async with services.at_the_gate() as connection:
        link = await sessions.link(connection, digest)
        defect = _defect(link, now())
        user_ids = [] if link is None else link.user_ids
        people = [] if defect else await sessions.people_of_ids(connection, user_ids)
        wanted = [person for person in people if organization_id in {None, person.organization_id}]
        if not wanted:
            await note_failure(connection, inbound, defect or "not a member", user_ids)
    if not wanted:
        raise refused_link()
    if len(wanted) > 1:
        return Choice(wanted)

    def unused(row: TupleRow | None) -> None:
        # Read again under the lock: of two who come at once, the second finds it used.
        if _defect(None if row is None else Link(*row), now()) is not None:
            raise refused_link()

    guard = Guard(sessions.link_lock(digest), unused)
    method = "link" if link is None else link.method
    return await start_session(services, inbound, wanted[0], method, guard, sessions.link_use(digest, now()))


async def start_session(
    services: Services,
    inbound: Inbound,
    person: Person,
    method: Method,
    guard: Guard[None] | None = None,
    *also: Statement,
) -> SignedIn:
    """A new session for `person`, with a secret that nobody has seen before. `also` is done in its transaction."""
    at = now()
    secret = new_secret(SECRET_PREFIX)
    command = StartSession(
        session_id=new_id("ses"),
        organization_id=person.organization_id,
        user_id=person.user_id,
        method=method,
        at=at,
        expires_at=at + services.config.session_lasts,
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
    write = Write(
        decider=SESSION,
        stream_id=command.session_id,
        organization_id=person.organization_id,
        command=lambda _: command,
        guard=guard or no_guard(),
        at=at,
        origin=Origin(UserActor(person.user_id), inbound.ip, inbound.user_agent, inbound.request_id),
        new_event_id=new_event_id,
        # Whoever is removed at this moment gets no session that outlives it.
        relies_on=Reliance(person.user_id, person.revision),
        also=lambda _: [row, *also],
    )
    await carry_out(services, write)
    return SignedIn(secret, command.session_id, person)


def _defect(link: Link | None, at: datetime) -> str | None:
    """Why a link does not work, in the words of `sign_in_failures`."""
    if link is None:
        return "unknown link"
    if link.used_at is not None:
        return "used link"
    return "expired link" if at >= link.expires_at else None


def refused_link() -> Problem:
    detail = "The link does not work any more: it was used, it is too old, or it was never sent. Ask for a new one."
    return unauthorized("unauthorized", presented=True, detail=detail)


def _lowered(address: str) -> str:
    return "".join([character.lower() if character.isascii() else character for character in address])
