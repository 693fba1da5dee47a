"""POST /v1/session/links: send a sign-in link by mail. The response does not reveal whether the address is known."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from app.api.schemas import Count
from app.auth.sign_in import LINK_LASTS, send_link
from app.handlers import HttpRequest, Success, get_services, raw_request, success
from app.route import Route
from domain.members.email_address import EMAIL_LENGTH_MAX


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[
        str, Meta(description="The address of a member.", extra_json_schema={"maxLength": EMAIL_LENGTH_MAX})
    ]


class SignInLinkSent(Struct, frozen=True):
    """The response is the same for known and unknown addresses. `expires_in`: lifetime of the link in seconds."""

    message: str
    expires_in: Count


_ON_ITS_WAY = SignInLinkSent(
    message="If the address belongs to a member, a sign-in link has been sent to it.",
    expires_in=LINK_LASTS // timedelta(seconds=1),
)


@Route(
    "POST",
    "/v1/session/links",
    access="anyone",
    tag="Sessions",
    summary="Request a sign-in link",
    description="The link is sent by mail. The response is the same for known and unknown addresses.",
    status=202,
    body_example={"email": "owner@example.com"},
    example=_ON_ITS_WAY,
    errors=("forbidden", "rate_limited"),
)
async def create_sign_in_link(request: HttpRequest, body: Body) -> Success[SignInLinkSent]:
    await send_link(get_services(request), raw_request(request), body.email)
    return success(_ON_ITS_WAY)
