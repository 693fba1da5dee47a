"""POST /v1/session: exchange the token of a link for a session, which lies in a cookie from then on.

Where the address belongs to people of several organizations, the answer lists them with `signed_in: false`, and uses
nothing up: the request is repeated with `organization_id`.
"""

from typing import Annotated

from litestar import post
from msgspec import Meta, Struct

from app.api.session.shape import choice_shape, signed_in_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, inbound_of, query_of, services_of, success
from app.security.cross_site import refuse_cross_site
from app.security.sessions import cookies_of
from app.security.signing_in import Choice, redeem


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, Meta(max_length=200)]
    organization_id: Annotated[str, Meta(max_length=100)] | None = None


@post("/v1/session", public=True, status_code=201)
async def start_session(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    inbound, services = inbound_of(request), services_of(request)
    refuse_cross_site(inbound, services.config)
    wanted = body_of(request, Body)
    made = await redeem(services, inbound, wanted.token, wanted.organization_id)
    if isinstance(made, Choice):
        return success(await choice_shape(services, made.people))
    shape = await signed_in_shape(services, made.person, made.session_id, made.secret)
    cookie = cookies_of(services.config).set("session", made.secret, services.config.session_lasts)
    return success(shape, status=201, headers={"Set-Cookie": cookie})
