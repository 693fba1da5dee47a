"""GET /account: show the signed-in user, their sessions and their mail preferences, with buttons to change them."""

from litestar import get, post
from msgspec import Struct

from app.api.session.notifications import notifications_of
from app.api.sessions.delete import end_own
from app.api.sessions.delete_others import end_others
from app.api.sessions.list import own_sessions
from app.auth.organization_names import organization_name
from app.auth.sessions import cookies_of, csrf_token
from app.handlers import HttpRequest, get_services, raw_request
from app.pages.notifications import LEVELS, shown
from app.pages.rendering import AS_PAGE, PageResponse, go_to, page
from app.pages.session import current_session, form_session
from projections.read_models.members.list.queries import emails


class Form(Struct, frozen=True):
    csrf_token: str = ""


class SessionForm(Struct, frozen=True):
    session_id: str
    csrf_token: str = ""


@get("/account", access="anyone", exception_handlers=AS_PAGE)
async def account_page(request: HttpRequest) -> PageResponse:
    visitor = await current_session(request)
    if visitor is None:
        return go_to("/sign-in")
    services, person = get_services(request), visitor.person
    organization = await organization_name(services, person.organization_id)
    async with services.read_transaction(person.organization_id) as connection:
        addresses = await emails(connection, [person.user_id])
    return page(
        "account.html",
        user_id=person.user_id,
        email=addresses.get(person.user_id),
        role=person.role,
        organization=organization,
        sessions=await own_sessions(services, person),
        session_id=person.session_id,
        mails=shown(await notifications_of(services, person), person),
        levels=LEVELS,
        csrf_token=csrf_token(visitor.secret),
    )


@post("/account/sign-out", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def sign_out_form(request: HttpRequest) -> PageResponse:
    visitor, _ = await form_session(request, Form)
    services = get_services(request)
    if visitor is not None:
        origin = visitor.person.origin(raw_request(request))
        await end_own(services, visitor.person, visitor.person.session_id, "signed_out", origin)
    return go_to("/sign-in", {"Set-Cookie": cookies_of(services.config).expire("session")})


@post("/account/sessions/end", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def end_session_form(request: HttpRequest) -> PageResponse:
    visitor, form = await form_session(request, SessionForm)
    if visitor is not None:
        origin = visitor.person.origin(raw_request(request))
        await end_own(get_services(request), visitor.person, form.session_id, "ended_elsewhere", origin)
    return go_to("/account")


@post("/account/sessions/end-others", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def end_other_sessions_form(request: HttpRequest) -> PageResponse:
    visitor, _ = await form_session(request, Form)
    if visitor is not None:
        await end_others(get_services(request), visitor.person, visitor.person.origin(raw_request(request)))
    return go_to("/account")
