"""Non-transactional work, such as a message to another server, done once under an Idempotency-Key.

The key is claimed before the work starts and stores the response afterwards. If the process ends in between, a repeated
request gets an unknown outcome. The work is not repeated automatically.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from app.handlers import HttpRequest, Success, encode_success, encoded_success, get_services, raw_request
from app.http.errors import Problem
from app.http.idempotency import REPLAYED, idempotency_key
from domain.refusal import Refusal
from eventstore.errors import IdempotencyInFlight
from eventstore.idempotency import CallClaim, IdempotentRequest, StoredResponse, claim
from gateway.errors import TooManyCalls
from infrastructure.clock import new_id, now
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed
from infrastructure.database.statements import Statement
from infrastructure.encryption import DecryptionFailed

_MARGIN = timedelta(seconds=15)
"""Time that the work may take beyond its own limit."""

_PURPOSE = "idempotent-answer"

_log = structlog.get_logger(__name__)

T = TypeVar("T")


async def call_once(request: HttpRequest, seconds: float, work: Callable[[], Awaitable[T]]) -> Success[T]:
    """Respond 200 with the data that `work` returns within `seconds`, or with the stored body of an earlier request."""
    repeatable = idempotency_key(raw_request(request), request.auth.id)
    if repeatable is None:
        return encoded_success(encode_success(await work()))
    work_id = new_id("evt")
    earlier = await _claimed(request, repeatable, work_id, seconds)
    if earlier is not None:
        return _replayed(request, repeatable, earlier)
    try:
        body = encode_success(await work())
    except (TooManyCalls, Refusal, DecryptionFailed, Unavailable, *UNAVAILABLE):
        # Nothing was sent, because every outcome at the other server is a normal result. Cancelled work may have sent
        # it.
        await _settle(request, repeatable.release(work_id))
        raise
    sealed = get_services(request).sealer.seal(body, purpose=_PURPOSE, bound_to=_bound_to(request, repeatable))
    await _settle(request, repeatable.store(StoredResponse(200, sealed), now()))
    return encoded_success(body)


async def _claimed(
    request: HttpRequest, repeatable: IdempotentRequest, work_id: str, seconds: float
) -> CallClaim | None:
    at = now()
    ends_by = at + timedelta(seconds=seconds) + _MARGIN
    try:
        async with get_services(request).write_transaction(request.auth.organization_id) as connection:
            return await claim(connection, repeatable, work_id, at, ends_by)
    except Unconfirmed:
        await _settle(request, repeatable.release(work_id))
        raise


def _replayed(request: HttpRequest, repeatable: IdempotentRequest, earlier: CallClaim) -> Success[Any]:
    if earlier.answer is None:
        if now() < earlier.ends_by:
            raise IdempotencyInFlight
        raise Problem(
            "conflict",
            "This request was started under the same Idempotency-Key, and its outcome is unknown. It is not repeated. "
            "Use a new key to run it again.",
            {"started_at": earlier.at},
        )
    bound_to = _bound_to(request, repeatable)
    body = get_services(request).sealer.open(earlier.answer.body, purpose=_PURPOSE, bound_to=bound_to)
    return encoded_success(body, status=earlier.answer.status, headers=REPLAYED)


async def _settle(request: HttpRequest, statement: Statement) -> None:
    """Run the statement. If that fails, repeated requests get an unknown outcome."""
    try:
        async with get_services(request).write_transaction(request.auth.organization_id) as connection:
            await connection.execute(*statement)
    except (StorageError, *UNAVAILABLE) as error:
        _log.warning("response_not_stored", error=type(error).__name__)


def _bound_to(request: HttpRequest, repeatable: IdempotentRequest) -> str:
    return f"{request.auth.organization_id}/{repeatable.caller}/{repeatable.key}"
