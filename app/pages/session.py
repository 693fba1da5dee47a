"""The visitor of a page: the user behind the session cookie."""

from typing import NamedTuple

from app.auth.callers import PersonCaller
from app.auth.sessions import load_session, session_cookie
from app.handlers import HttpRequest, get_services, raw_request


class Visitor(NamedTuple):
    person: PersonCaller
    secret: str


async def current_session(request: HttpRequest) -> Visitor | None:
    """Return the signed-in user, if there is one."""
    services, inbound = get_services(request), raw_request(request)
    secret = session_cookie(inbound, services.config)
    person = None if secret is None else await load_session(services, inbound, secret)
    return None if person is None or secret is None else Visitor(person, secret)
