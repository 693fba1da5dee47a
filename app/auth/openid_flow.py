"""Sign-in through an OpenID provider, from the button to the session.

The state of the sign-in is in a sealed cookie of the browser that started it. A browser that returns without this
cookie, or with the response to another sign-in, is refused. A link therefore cannot sign a user in as another one.
"""

import hmac
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import timedelta
from typing import NamedTuple

import msgspec
import structlog

from app.auth.sessions import cookies_of, new_secret
from app.auth.sign_in import people_with
from app.auth.sign_in_throttle import SIGN_INS_PER_CLIENT, client_of, record_failure, throttle
from app.http.errors import RETRY_AFTER_SECONDS, Problem, unauthorized
from app.http.messages import RawRequest
from app.services import Services
from gateway.openid.errors import OpenIdError, ProviderUnavailable, StateMismatch
from gateway.openid.provider import Flow, Provider
from infrastructure.clock import now
from infrastructure.encryption import DecryptionFailed
from projections.records.sessions import queries as sessions
from projections.records.sessions.queries import Person

FLOW_LASTS = timedelta(minutes=10)
COOKIE = "openid"

_PURPOSE = "openid flow"

_log = structlog.get_logger(__name__)


class StartedFlow(Flow, frozen=True):
    """A flow, and the page that the visitor wanted to see."""

    next_path: str | None = None


class Identified(NamedTuple):
    """The users whom the provider's proof identifies, at least one, and the page that the visitor wanted to see."""

    people: list[Person]
    next_path: str | None


class AuthorizationResponse(msgspec.Struct, frozen=True):
    """The parameters that the provider adds to the callback. Others are ignored (RFC 6749 §4.1.2)."""

    state: str = ""
    code: str = ""
    iss: str | None = None
    error: str | None = None


async def begin(services: Services, inbound: RawRequest, provider: Provider, next_path: str | None) -> tuple[str, str]:
    """Return the provider's URL to redirect the browser to, and the Set-Cookie header for it."""
    await throttle(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    ends_at = (now() + FLOW_LASTS).timestamp()
    flow = StartedFlow(
        state=new_secret(""), nonce=new_secret(""), verifier=new_secret(""), ends_at=ends_at, next_path=next_path
    )
    try:
        url = await provider.authorization_url(flow)
    except OpenIdError as error:
        raise await _problem(services, inbound, error) from error
    sealed = services.sealer.seal(msgspec.json.encode(flow), purpose=_PURPOSE, bound_to=provider.issuer)
    cookie = cookies_of(services.config).set(COOKIE, urlsafe_b64encode(sealed).rstrip(b"=").decode(), FLOW_LASTS)
    return url, cookie


async def finish(
    services: Services, inbound: RawRequest, provider: Provider, answer: AuthorizationResponse
) -> Identified:
    """Return the users whom the provider's proof identifies. Raise a `Problem` if there are none."""
    await throttle(services, inbound, SIGN_INS_PER_CLIENT, client_of(inbound))
    try:
        flow = _flow(services, inbound, provider, answer)
        identity = await provider.identity(answer.code, flow)
    except OpenIdError as error:
        raise await _problem(services, inbound, error) from error
    async with services.credential_lookup() as connection:
        people = people_with(identity.email, await sessions.people_of_address(connection, identity.email))
        if not people:
            await record_failure(connection, inbound, "openid address not a member")
    if not people:
        detail = "No member of an organization has the address that the provider confirms. Ask for an invitation."
        raise unauthorized("unauthorized", presented=True, detail=detail)
    return Identified(people, flow.next_path)


def _flow(services: Services, inbound: RawRequest, provider: Provider, answer: AuthorizationResponse) -> StartedFlow:
    """Return the flow that this browser started, if `answer` belongs to it and contains a code."""
    written = cookies_of(services.config).read(inbound, COOKIE) or ""
    try:
        sealed = b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
        plain = services.sealer.open(sealed, purpose=_PURPOSE, bound_to=provider.issuer)
        flow = msgspec.json.decode(plain, type=StartedFlow)
    except (NotBase64, ValueError, DecryptionFailed) as error:
        raise StateMismatch from error
    if (
        not hmac.compare_digest(flow.state.encode(), answer.state.encode("utf-8", "replace"))
        or now().timestamp() > flow.ends_at
    ):
        raise StateMismatch
    if answer.iss not in {None, provider.issuer}:
        raise StateMismatch("the response is from another issuer")
    if answer.error is not None or not answer.code:
        raise OpenIdError("it returned an error")
    return flow


async def _problem(services: Services, inbound: RawRequest, error: OpenIdError) -> Problem:
    _log.warning("openid_failed", error=str(error), request_id=inbound.request_id)
    async with services.credential_lookup() as connection:
        await record_failure(connection, inbound, error.reason)
    if isinstance(error, ProviderUnavailable):
        after = RETRY_AFTER_SECONDS if error.retry_after_seconds is None else str(error.retry_after_seconds)
        return Problem("unavailable", error.message, headers={"Retry-After": after})
    return unauthorized("unauthorized", presented=True, detail=error.message)
