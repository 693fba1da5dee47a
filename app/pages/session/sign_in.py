"""GET and POST /sign-in, /sign-in/confirm: request a sign-in link, open it, and sign in.

Opening the link only shows a button, and the button uses the link. Mail scanners that open links do not use it up.
"""

from datetime import timedelta

from litestar import get, post
from msgspec import Struct

from app.api.session.schemas import load_choice
from app.auth.next_path import next_path
from app.auth.sessions import cookies_of
from app.auth.sign_in import LINK_LASTS, OrganizationChoice, candidates, redeem_link, refused_link, send_link
from app.handlers import HttpRequest, get_services, parse_query, raw_request
from app.pages.fields import fields_of
from app.pages.rendering import AS_PAGE, PageResponse, go_to, page
from app.pages.session.visitor import START, current_session, next_of, sign_in_path
from app.services import Services


class AddressForm(Struct, frozen=True):
    email: str = ""
    next: str = ""


class Confirmation(Struct, frozen=True):
    token: str
    organization_id: str | None = None


@get("/sign-in", access="anyone", exception_handlers=AS_PAGE)
async def sign_in_page(request: HttpRequest) -> PageResponse:
    wanted = next_of(request)
    if await current_session(request) is not None:
        return go_to(wanted or START)
    openid = get_services(request).openid
    return page(
        "sign_in.html",
        openid=None if openid is None else openid.name,
        openid_path=sign_in_path("/sign-in/openid", wanted),
        next_path=wanted,
    )


@post("/sign-in", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def ask_for_link(request: HttpRequest) -> PageResponse:
    form = fields_of(request).to_struct(AddressForm)
    email, wanted = form.email.strip(), next_path(form.next)
    await send_link(get_services(request), raw_request(request), email, wanted)
    minutes = LINK_LASTS // timedelta(minutes=1)
    return page("link_sent.html", email=email, minutes=minutes, again=sign_in_path("/sign-in", wanted))


@get("/sign-in/confirm", access="anyone", exception_handlers=AS_PAGE)
async def confirm_page(request: HttpRequest) -> PageResponse:
    token = parse_query(request, Confirmation).token
    if not await candidates(get_services(request), token):
        raise refused_link()
    return page("confirm.html", token=token)


@post("/sign-in/confirm", access="anyone", status_code=200, exception_handlers=AS_PAGE)
async def confirm(request: HttpRequest) -> PageResponse:
    services = get_services(request)
    form = fields_of(request).to_struct(Confirmation)
    result = await redeem_link(services, raw_request(request), form.token, form.organization_id)
    if isinstance(result, OrganizationChoice):
        organizations = (await load_choice(services, result.people)).organizations
        return page("choose.html", organizations=organizations, token=form.token, action="/sign-in/confirm")
    return signed_in(services, result.secret, result.next_path)


def signed_in(services: Services, secret: str, wanted: str | None = None) -> PageResponse:
    """Redirect the signed-in user to the page that they wanted and set the cookie of the new session."""
    cookie = cookies_of(services.config).set("session", secret, services.config.session_lifetime)
    return go_to(wanted or START, {"Set-Cookie": cookie})
