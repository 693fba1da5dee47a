"""Who looks at a page, and what their form says."""

from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from app.problems import Problem
from app.requests import HttpRequest, inbound_of, services_of
from app.security.callers import PersonCaller
from app.security.cross_site import refuse_cross_site, refuse_forged
from app.security.sessions import person_behind, presented_session

T = TypeVar("T", bound=msgspec.Struct)

_FORM = "application/x-www-form-urlencoded"
_FIELDS_MAX = 20


class Visitor(NamedTuple):
    person: PersonCaller
    secret: str


async def visitor_of(request: HttpRequest) -> Visitor | None:
    """The person who is signed in, if somebody is."""
    services, inbound = services_of(request), inbound_of(request)
    secret = presented_session(inbound, services.config)
    person = None if secret is None else await person_behind(services, inbound, secret)
    return None if person is None or secret is None else Visitor(person, secret)


def form_of(request: HttpRequest, kind: type[T]) -> T:
    """The form of a page that anyone may send, but no page of another site."""
    inbound = inbound_of(request)
    refuse_cross_site(inbound, services_of(request).config)
    if (inbound.header("content-type") or "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("unsupported_media_type", f"A form is sent as {_FORM}.")
    try:
        pairs = parse_qsl(
            inbound.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX
        )
        if any("\0" in value for _, value in pairs):  # which PostgreSQL takes in no text
            raise _unreadable()
        return msgspec.convert(dict(pairs), kind)
    except (ValueError, msgspec.ValidationError):
        raise _unreadable() from None


def _unreadable() -> Problem:
    return Problem("invalid_request", "The form can not be read. Go back and send it again.")


async def changing(request: HttpRequest, kind: type[T]) -> tuple[Visitor | None, T]:
    """The visitor and their form, whose field `csrf_token` proves that it is one of ours."""
    form = form_of(request, kind)
    visitor = await visitor_of(request)
    if visitor is not None:
        token = getattr(form, "csrf_token", None)
        refuse_forged(inbound_of(request), services_of(request).config, visitor.secret, token)
    return visitor, form
