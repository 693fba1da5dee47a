"""GET /sign-in/openid and /sign-in/openid/callback: redirect to the OpenID provider, and accept its proof."""

from litestar import get
from litestar.datastructures import Cookie

from app.api.session.schemas import load_choice
from app.auth.openid_flow import COOKIE, AuthorizationResponse, begin, finish
from app.auth.sessions import cookies_of
from app.auth.sign_in import link_without_mail, start_session
from app.handlers import HttpRequest, get_services, parse_query, raw_request
from app.http.errors import Problem
from app.pages.rendering import AS_PAGE, PageResponse, go_to, page
from app.pages.session.sign_in import signed_in
from app.pages.session.visitor import next_of
from gateway.openid.provider import Provider

PATH = "/sign-in/openid/callback"


@get("/sign-in/openid", access="anyone", exception_handlers=AS_PAGE)
async def to_provider(request: HttpRequest) -> PageResponse:
    url, cookie = await begin(get_services(request), raw_request(request), _provider(request), next_of(request))
    return go_to(url, {"Set-Cookie": cookie})


@get(PATH, access="anyone", exception_handlers=AS_PAGE)
async def from_provider(request: HttpRequest) -> PageResponse:
    services, inbound = get_services(request), raw_request(request)
    answer = parse_query(request, AuthorizationResponse)
    people, wanted = await finish(services, inbound, _provider(request), answer)
    if len(people) == 1:
        session = await start_session(services, inbound, people[0], "openid")
        response = signed_in(services, session.secret, wanted)
    else:
        token = await link_without_mail(services, people, "openid", wanted)
        organizations = (await load_choice(services, people)).organizations
        response = page("choose.html", organizations=organizations, token=token, action="/sign-in/confirm")
    cookies = cookies_of(services.config)
    # The sealed state belongs to this one sign-in and is no longer needed.
    response.set_cookie(
        Cookie(
            key=cookies.name(COOKIE),
            value="",
            max_age=0,
            path="/",
            secure=cookies.secure,
            httponly=True,
            samesite="lax",
        )
    )
    return response


def _provider(request: HttpRequest) -> Provider:
    provider = get_services(request).openid
    if provider is None:
        raise Problem("not_found", "No OpenID provider is configured.")
    return provider
