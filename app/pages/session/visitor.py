"""The visitor of a page, and the way through the sign-in back to the page."""

from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from app.auth.callers import PersonCaller
from app.auth.next_path import next_path
from app.auth.sessions import find_session, session_cookie
from app.handlers import HttpRequest, get_services, raw_request
from app.pages.rendering import PageResponse, go_to, signed_out
from projections.records.sessions.queries import has_other_organization

START = "/"
"""The page after a sign-in that was not on the way to another page."""


class Visitor(NamedTuple):
    """`has_other_organization` is known only of visitors who open a page, whose menu shows it."""

    person: PersonCaller
    secret: str
    has_other_organization: bool


async def current_session(request: HttpRequest) -> Visitor | None:
    """Return the signed-in user, if there is one."""
    services, inbound = get_services(request), raw_request(request)
    secret = session_cookie(inbound, services.config)
    if secret is None:
        return None
    async with services.credential_lookup() as connection:
        person = await find_session(connection, services.config, inbound, secret)
        if person is None:
            return None
        has_other = not is_script(request) and await has_other_organization(connection, person.session_id)
    return Visitor(person, secret, has_other)


def sign_in_redirect(request: HttpRequest) -> PageResponse:
    """Send a visitor without a session to the sign-in page, and back to this page afterwards.

    A script gets 401. Only a page can be opened again. What a form would have changed is not done after the sign-in.
    """
    inbound = raw_request(request)
    if is_script(request):
        return signed_out()
    if inbound.method != "GET":
        return go_to("/sign-in")
    # As written by the client: decoded, it could be a different path.
    path = request.scope["raw_path"].decode("latin-1") + (
        f"?{inbound.query.decode('latin-1')}" if inbound.query else ""
    )
    return go_to(sign_in_path("/sign-in", next_path(path)))


def is_script(request: HttpRequest) -> bool:
    """Return whether a script of a page sent the request, rather than a visitor who opens the address."""
    inbound = raw_request(request)
    return inbound.header("hx-request") is not None or inbound.header("sec-fetch-dest") == "empty"


def sign_in_path(path: str, wanted: str | None) -> str:
    """Return the address of a page of the sign-in that continues with `wanted`, a `next_path`."""
    return path if wanted is None or wanted == START else f"{path}?next={quote(wanted, safe='/')}"


def next_of(request: HttpRequest) -> str | None:
    """Return the page to continue with after the sign-in. A value that is malformed or leads elsewhere is ignored."""
    pairs = parse_qsl(raw_request(request).query.decode("latin-1"), keep_blank_values=True)
    values = [value for name, value in pairs if name == "next"]
    return next_path(values[0]) if len(values) == 1 else None
