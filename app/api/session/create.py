"""POST /v1/session: exchange the token of a link for a session, which is set as a cookie.

If the address belongs to users of several organizations, the response lists them with `signed_in: false` and does not
use up the link. The client repeats the request with `organization_id`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.session.schemas import (
    SIGNED_IN_EXAMPLE,
    Choice,
    OfferedOrganization,
    SignedIn,
    load_choice,
    load_signed_in,
)
from app.auth.sessions import cookies_of
from app.auth.sign_in import OrganizationChoice, redeem_link
from app.handlers import HttpRequest, Success, get_services, raw_request, success
from app.route import Alternative, Route


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[
        str, Meta(max_length=200, description="The token of the link.", extra_json_schema={"format": "password"})
    ]
    organization_id: (
        Annotated[
            str, Meta(max_length=100, description="The chosen organization, if the first response asked for one.")
        ]
        | None
    ) = None


@Route(
    "POST",
    "/v1/session",
    access="anyone",
    tag="Sessions",
    summary="Sign in",
    description="Sign in with the token of a link, which works once. The session is set as a cookie.",
    status=201,
    body_example={"token": "kl_…"},
    example=SIGNED_IN_EXAMPLE,
    alternatives={
        200: Alternative(
            "The address belongs to users of several organizations. Choose one. The token can still be used.",
            Choice(
                signed_in=False,
                organizations=[
                    OfferedOrganization(id=examples.ORGANIZATION_ID, name="Example", slug="example", role="viewer")
                ],
            ),
        )
    },
    errors=("unauthorized", "forbidden", "rate_limited"),
)
async def create_session(request: HttpRequest, body: Body) -> Success[SignedIn] | Success[Choice]:
    inbound, services = raw_request(request), get_services(request)
    result = await redeem_link(services, inbound, body.token, body.organization_id)
    if isinstance(result, OrganizationChoice):
        return success(await load_choice(services, result.people), status=200)
    signed_in = await load_signed_in(services, result.person, result.session_id, result.secret)
    cookie = cookies_of(services.config).set("session", result.secret, services.config.session_lifetime)
    return success(signed_in, headers={"Set-Cookie": cookie})
