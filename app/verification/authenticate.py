"""Whether a presented key is let in: asks for the ruling, and says no in the words that it asks for.

The key is judged before the rest of the request is: a request that is not valid says nothing of why to a key that is
not let in, counts against the limits of one that is, and is recorded either way.
"""

from collections.abc import Callable
from typing import NoReturn

from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from app.http.errors import Problem, missing_grant, unauthorized
from app.http.messages import RawRequest
from app.verification.rate_limit_headers import quota_exceeded, rate_headers, rate_limited
from app.verification.requests import Authenticate, VerificationQueue, VerificationRequest, VerificationResult
from domain.keys.state import Key
from domain.usage.decision import AccessRequest


async def authenticate(
    inbound: RawRequest, verification: VerificationQueue, question: VerificationRequest
) -> VerificationResult:
    """The ruling. What it says of rate limits stands in the headers of the answer, whatever that will be."""
    ruling = await verification.submit(question)
    key = ruling.caller.key
    if key is not None:
        # From here on every log line of the request says who called.
        bind_contextvars(organization_id=key.organization_id, key_id=key.id)
    if ruling.allowance is not None:
        inbound.reply_headers.update(rate_headers(ruling.allowance))
    return ruling


async def raise_if_invalid(
    inbound: RawRequest,
    verification: VerificationQueue,
    presented: AccessRequest,
    problem: Problem,
    *,
    question: Callable[[AccessRequest], VerificationRequest] = Authenticate,
) -> NoReturn:
    """Answer a request that is refused with `problem`, unless its key is refused first.

    `presented` names no MCP: what the request asks for is not known. `question`: how its key is presented.
    """
    presented = replace(presented, invalid=True)
    ruling = await authenticate(inbound, verification, question(presented))
    if ruling.caller.code != "invalid_request":
        raise_if_denied(ruling, presented)
    raise problem


def raise_if_denied(ruling: VerificationResult, presented: AccessRequest) -> Key:
    """The accepted key of the caller, or the answer that the ruling asks for."""
    verdict = ruling.caller
    if verdict.accepted and verdict.key is not None:
        return verdict.key
    if verdict.code in {"unauthorized", "expired_key", "revoked_key", "disabled_key"}:
        raise unauthorized(verdict.code, presented=True)
    if verdict.code == "forbidden" and presented.people_only:
        raise Problem("forbidden", "This endpoint requires a signed-in user. API keys are not accepted.")
    if verdict.code == "forbidden" and presented.grant is not None:
        raise missing_grant(presented.grant)
    if verdict.code == "rate_limited" and ruling.allowance is not None:
        raise rate_limited(ruling.allowance)
    if verdict.code == "quota_exceeded" and ruling.quota is not None:
        raise quota_exceeded(ruling.quota, ruling.at)
    raise Problem(verdict.code)
