"""GET /account: who is signed in, and where, and what is mailed to them; with buttons that change it."""

from litestar import get, post
from msgspec import Struct

from app.api.session.notifications import chosen_by
from app.api.sessions.end import end_own
from app.api.sessions.end_others import end_others
from app.api.sessions.list import own_sessions
from app.pages.notifications import LEVELS, shown
from app.pages.rendering import AS_PAGE, PageResponse, go_to, page
from app.pages.visitors import changing, visitor_of
from app.requests import HttpRequest, inbound_of, services_of
from app.security.organizations import named
from app.security.sessions import cookies_of, csrf_token
from projections.member_list.queries import emails


class Form(Struct, frozen=True):
    csrf_token: str = ""


class SessionForm(Struct, frozen=True):
    session_id: str
    csrf_token: str = ""


@get("/account", public=True, exception_handlers=AS_PAGE)
async def account_page(request: HttpRequest) -> PageResponse:
    visitor = await visitor_of(request)
    if visitor is None:
        return go_to("/sign-in")
    services, person = services_of(request), visitor.person
    organization = await named(services, person.organization_id)
    async with services.reading(person.organization_id) as connection:
        addresses = await emails(connection, [person.user_id])
    return page(
        "account.html",
        user_id=person.user_id,
        email=addresses.get(person.user_id),
        role=person.role,
        organization=organization,
        sessions=await own_sessions(services, person),
        session_id=person.session_id,
        mails=shown(await chosen_by(services, person), person),
        levels=LEVELS,
        csrf_token=csrf_token(visitor.secret),
    )


@post("/account/sign-out", public=True, status_code=200, exception_handlers=AS_PAGE)
async def sign_out_form(request: HttpRequest) -> PageResponse:
    visitor, _ = await changing(request, Form)
    services = services_of(request)
    if visitor is not None:
        origin = visitor.person.origin(inbound_of(request))
        await end_own(services, visitor.person, visitor.person.session_id, "signed_out", origin)
    return go_to("/sign-in", {"Set-Cookie": cookies_of(services.config).drop("session")})


@post("/account/sessions/end", public=True, status_code=200, exception_handlers=AS_PAGE)
async def end_session_form(request: HttpRequest) -> PageResponse:
    visitor, form = await changing(request, SessionForm)
    if visitor is not None:
        origin = visitor.person.origin(inbound_of(request))
        await end_own(services_of(request), visitor.person, form.session_id, "ended_elsewhere", origin)
    return go_to("/account")


@post("/account/sessions/end-others", public=True, status_code=200, exception_handlers=AS_PAGE)
async def end_other_sessions_form(request: HttpRequest) -> PageResponse:
    visitor, _ = await changing(request, Form)
    if visitor is not None:
        await end_others(services_of(request), visitor.person, visitor.person.origin(inbound_of(request)))
    return go_to("/account")
