"""Authentication of a caller by the key in the request, and the error response where it is denied.

It has two halves, plain functions with the decision of a batch in between: `ask` turns a request into a question for
the queue, and `answer` turns the question and its result into the accepted key or an error. The routes of the framework
wait for the result with a future (`authenticate`); the hot routes don't wait (`app/server/exchange.py`).

The key is decided before the rest of the request is validated. A caller whose key is denied learns nothing about an
invalid request; an invalid request of an accepted key counts against its limits. Both are recorded.
"""

from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct
from msgspec.structs import replace
from structlog.contextvars import bind_contextvars

from app.http.errors import Problem, different_keys, missing_grant, unauthorized
from app.http.messages import RawRequest
from app.verification.rate_limit_headers import quota_exceeded, rate_headers, rate_limited
from app.verification.requests import Authenticate, VerificationRequest, VerificationResult
from app.verification.unknown_secrets import Origin, sent_from, too_many_unknown
from app.verification.verification import Verification
from domain.keys.state import Key
from domain.usage.decision import AccessRequest


class KeyQuestion(Struct, frozen=True):
    """A request that presents a key, and what its answer needs.

    `problem`: what is wrong with an invalid request. `origins`: those of a caller's foreign secret; empty for another.
    `subject_origins`: likewise, of the secret to be verified. `is_limited`: that secret is not looked up, because its
    origins presented too many unknown ones.
    """

    inbound: RawRequest
    request: VerificationRequest
    problem: Problem | None = None
    origins: tuple[Origin, ...] = ()
    subject_origins: tuple[Origin, ...] = ()
    is_limited: bool = False


def ask(inbound: RawRequest, verification: Verification, request: VerificationRequest) -> KeyQuestion:
    """Return the question whether the caller's key is accepted.

    Raise 429 without a lookup for a foreign secret from an address that presented too many unknown ones.
    """
    if not request.caller.is_foreign:
        return KeyQuestion(inbound, request)
    origins = sent_from(inbound.ip)
    if wait := verification.unknown_secrets.wait_seconds(origins, request.caller.digest):
        raise too_many_unknown(wait)
    return KeyQuestion(inbound, request, origins=origins)


def ask_invalid(
    inbound: RawRequest,
    verification: Verification,
    presented: AccessRequest,
    problem: Problem,
    *,
    kind: Callable[[AccessRequest], VerificationRequest] = Authenticate,
) -> KeyQuestion:
    """Return the question of an invalid request, whose answer is `problem` or the denial of its key.

    `presented` names no MCP, because the request is not known. `kind` makes the request that presents the key.
    """
    return replace(ask(inbound, verification, kind(replace(presented, invalid=True))), problem=problem)


def answer(question: KeyQuestion, verification: Verification, result: VerificationResult) -> Key:
    """Return the accepted key of the caller, or raise its denial or the problem of an invalid request.

    Add the rate limits to the headers of the response, and count foreign secrets.
    """
    _note(question, verification, result)
    if question.problem is None:
        return raise_if_denied(result, question.request.caller)
    if result.caller.code != "invalid_request":
        raise_if_denied(result, question.request.caller)
    raise question.problem


async def authenticate(
    inbound: RawRequest, verification: Verification, request: VerificationRequest
) -> VerificationResult:
    """Return the result, and add its rate limits to the headers of the response. Raise the same 429 as `ask`."""
    question = ask(inbound, verification, request)
    result = await submit(question, verification)
    _note(question, verification, result)
    return result


async def submit(question: KeyQuestion, verification: Verification) -> VerificationResult:
    """Return the result for `question`. Every later log line of the task contains the caller."""
    result = await verification.queue.submit(question.request)
    bind_contextvars(**caller_fields(result))
    return result


def caller_fields(result: VerificationResult) -> dict[str, str]:
    """Return the fields of log lines that name the caller; none for an unknown one."""
    key = result.caller.key
    return {} if key is None else {"organization_id": key.organization_id, "key_id": key.id}


async def raise_if_invalid(
    inbound: RawRequest,
    verification: Verification,
    presented: AccessRequest,
    problem: Problem,
) -> NoReturn:
    """Raise `problem` for an invalid request, or the denial of its key. See `ask_invalid`."""
    question = ask_invalid(inbound, verification, presented, problem)
    answer(question, verification, await submit(question, verification))
    raise problem


def raise_if_denied(result: VerificationResult, presented: AccessRequest) -> Key:
    """Return the accepted key of the caller, or raise the error for its denial."""
    decision = result.caller
    if decision.accepted and decision.key is not None:
        return decision.key
    if decision.is_ambiguous:
        raise different_keys()
    if decision.code in {"unauthorized", "expired_key", "revoked_key", "disabled_key"}:
        raise unauthorized(decision.code, presented=True)
    if decision.code == "forbidden" and presented.people_only:
        raise Problem("forbidden", "This endpoint requires a signed-in user. API keys are not accepted.")
    if decision.code == "forbidden" and presented.grant is not None:
        raise missing_grant(presented.grant)
    if decision.code == "rate_limited" and result.rate_limit is not None:
        raise rate_limited(result.rate_limit)
    if decision.code == "quota_exceeded" and result.quota is not None:
        raise quota_exceeded(result.quota, result.at)
    raise Problem(decision.code)


def _note(question: KeyQuestion, verification: Verification, result: VerificationResult) -> None:
    if question.origins:
        known = result.caller.key is not None or result.caller.is_ambiguous
        verification.unknown_secrets.count(question.origins, question.request.caller.digest, known=known)
    if result.rate_limit is not None:
        question.inbound.reply_headers.update(rate_headers(result.rate_limit))
