"""POST /v1/session/links: a link to sign in with, by mail. The answer does not tell whether the address is known."""

from datetime import timedelta

from litestar import post
from msgspec import Struct

from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, inbound_of, query_of, services_of, success
from app.security.cross_site import refuse_cross_site
from app.security.signing_in import LINK_LASTS, send_link


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    email: str


@post("/v1/session/links", public=True, status_code=202)
async def request_link(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    inbound, services = inbound_of(request), services_of(request)
    refuse_cross_site(inbound, services.config)
    await send_link(services, inbound, body_of(request, Body).email)
    message = "If someone has this address, a link is on its way to it."
    return success({"message": message, "expires_in": LINK_LASTS // timedelta(seconds=1)}, status=202)
