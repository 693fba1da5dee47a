"""POST /v1/session: exchange the token of a link for a session, which is set as a cookie.

If the address belongs to users of several organizations, the response lists them with `signed_in: false` and does not
use up the link. The client repeats the request with `organization_id`.
"""

from typing import Annotated

from litestar import post
from msgspec import Meta, Struct

from app.api.session.schemas import choice_shape, signed_in_shape
from app.auth.csrf import reject_cross_site
from app.auth.sessions import cookies_of
from app.auth.sign_in import OrganizationChoice, redeem_link
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query, raw_request, success


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, Meta(max_length=200)]
    organization_id: Annotated[str, Meta(max_length=100)] | None = None


@post("/v1/session", access="anyone", status_code=201)
async def start_session(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    inbound, services = raw_request(request), get_services(request)
    reject_cross_site(inbound, services.config)
    body = parse_body(request, Body)
    result = await redeem_link(services, inbound, body.token, body.organization_id)
    if isinstance(result, OrganizationChoice):
        return success(await choice_shape(services, result.people))
    shape = await signed_in_shape(services, result.person, result.session_id, result.secret)
    cookie = cookies_of(services.config).set("session", result.secret, services.config.session_lifetime)
    return success(shape, status=201, headers={"Set-Cookie": cookie})
