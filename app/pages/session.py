"""The visitor of a page and the form that they send."""

from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from app.auth.callers import PersonCaller
from app.auth.csrf import require_csrf_token
from app.auth.sessions import load_session, session_cookie
from app.handlers import HttpRequest, get_services, raw_request
from app.http.errors import Problem

T = TypeVar("T", bound=msgspec.Struct)

_FORM = "application/x-www-form-urlencoded"
_FIELDS_MAX = 20


class Visitor(NamedTuple):
    person: PersonCaller
    secret: str


async def current_session(request: HttpRequest) -> Visitor | None:
    """Return the signed-in user, if there is one."""
    services, inbound = get_services(request), raw_request(request)
    secret = session_cookie(inbound, services.config)
    person = None if secret is None else await load_session(services, inbound, secret)
    return None if person is None or secret is None else Visitor(person, secret)


def form_of(request: HttpRequest, kind: type[T]) -> T:
    """Return the form of a page without sign-in. `authorize` has refused forms of other sites."""
    inbound = raw_request(request)
    if (inbound.header("content-type") or "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("unsupported_media_type", f"Send the form as {_FORM}.")
    try:
        pairs = parse_qsl(
            inbound.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX
        )
        if any("\0" in value for _, value in pairs):  # PostgreSQL texts cannot contain it
            raise _unreadable_form()
        return msgspec.convert(dict(pairs), kind)
    except (ValueError, msgspec.ValidationError):
        raise _unreadable_form() from None


def _unreadable_form() -> Problem:
    return Problem("invalid_request", "The form cannot be read. Go back and send it again.")


async def form_session(request: HttpRequest, kind: type[T]) -> tuple[Visitor | None, T]:
    """Return the visitor and the form, whose `csrf_token` proves that it comes from this service."""
    form = form_of(request, kind)
    visitor = await current_session(request)
    if visitor is not None:
        token = getattr(form, "csrf_token", None)
        require_csrf_token(raw_request(request), get_services(request).config, visitor.secret, token)
    return visitor, form
