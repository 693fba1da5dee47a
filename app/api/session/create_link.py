"""POST /v1/session/links: send a sign-in link by mail. The response does not reveal whether the address is known."""

from datetime import timedelta

from litestar import post
from msgspec import Struct

from app.auth.csrf import reject_cross_site
from app.auth.sign_in import LINK_LASTS, send_link
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query, raw_request, success


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    email: str


@post("/v1/session/links", access="anyone", status_code=202)
async def request_link(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    inbound, services = raw_request(request), get_services(request)
    reject_cross_site(inbound, services.config)
    await send_link(services, inbound, parse_body(request, Body).email)
    message = "If the address belongs to a member, a sign-in link has been sent to it."
    return success({"message": message, "expires_in": LINK_LASTS // timedelta(seconds=1)}, status=202)
