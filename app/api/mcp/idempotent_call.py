"""Calls under an Idempotency-Key: a repeated request gets the result of the first call.

A call is not a transaction: the server may have done its work even if its response was lost. The key is therefore
claimed before the server is called, and released only if the server was not reached. For 24 hours a repeated request
gets the server's response, including an error. If the outcome is unknown, a repeated request gets that error. The call
is never made again automatically.

A repeated request is authorized like any other. It is recorded and billed as a use that ends immediately.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from msgspec import Struct, structs

from app.api.mcp.call import Call
from app.http.error_catalogue import ERRORS
from app.http.errors import Problem, to_problem
from app.http.idempotency import REPLAYED, idempotency_key
from app.http.messages import RawRequest, RawResponse
from eventstore.errors import IdempotencyInFlight
from eventstore.idempotency import CallClaim, IdempotentRequest, StoredResponse, claim
from gateway.errors import GatewayError, TooManyCalls, UpstreamUnreachable
from infrastructure.clock import now
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed

ANSWER_BYTES_MAX = 256 * 1024
"""A longer response is not stored: a repeated request gets only the status of the call."""

_MARGIN = timedelta(seconds=15)
"""Time that a call may take beyond its own limit: to connect, to disconnect and to be recorded."""

_PURPOSE = "idempotent-answer"

_log = structlog.get_logger(__name__)


class _StoredResult(Struct, frozen=True):
    """The result for repeated requests: the `body` of a success (None if it was too long), or the problem."""

    body: str | None = None
    code: str | None = None
    detail: str | None = None
    details: dict[str, Any] = {}


def repeatable(inbound: RawRequest) -> IdempotentRequest | None:
    """Return the request's Idempotency-Key, not yet bound to a caller. Raise 422 if it is malformed."""
    return idempotency_key(inbound, "")


async def call_once(
    call: Call, inbound: RawRequest, request: IdempotentRequest | None, make: Callable[[], Awaitable[bytes]]
) -> RawResponse:
    """Return the result of the call that `make` makes, or of an earlier call under the same key."""
    if request is None:
        return RawResponse(200, await make())
    request = structs.replace(request, caller=call.key.id)
    try:
        earlier = await _claim(call, request)
        replay = None if earlier is None else _replay(call, request, earlier)
    except (StorageError, *UNAVAILABLE) as error:
        if isinstance(error, Unconfirmed):
            # The server was not called. Release the key, in case the claim was committed: otherwise repeated requests
            # would report an unknown outcome.
            await _settle(call, request, None)
        await call.finish("error", to_problem(error).code)
        raise
    if replay is None:
        return RawResponse(200, await _make(call, request, make))
    inbound.reply_headers.update(REPLAYED)
    if isinstance(replay, Problem):
        await call.finish("error", replay.code)
        raise replay
    await call.finish("success")
    return replay


async def _make(call: Call, request: IdempotentRequest, make: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        body = await make()
    except (TooManyCalls, UpstreamUnreachable):
        await _settle(call, request, None)
        raise
    except GatewayError as error:
        problem = to_problem(error)
        await _settle(call, request, _StoredResult(None, problem.code, problem.detail, dict(problem.details)))
        raise
    except Exception:
        # A failure after the server was called does not show whether the tool has done its work.
        if not call.progress.server_asked:
            await _settle(call, request, None)
        raise
    await _settle(call, request, _StoredResult(body.decode() if len(body) <= ANSWER_BYTES_MAX else None))
    return body


async def _claim(call: Call, request: IdempotentRequest) -> CallClaim | None:
    """Claim the key. Return None on success, otherwise the stored claim of the request that holds it."""
    at = now()
    ends_by = at + timedelta(milliseconds=call.timeout_ms) + _MARGIN
    async with call.services.write_transaction(call.key.organization_id) as connection:
        return await claim(connection, request, call.call_id, at, ends_by)


async def _settle(call: Call, request: IdempotentRequest, stored: _StoredResult | None) -> None:
    """Store the result, or release the key for None. If that fails, repeated requests get an unknown outcome."""
    if stored is None:
        statement = request.release(call.call_id)
    else:
        sealed = call.services.sealer.seal(
            msgspec.json.encode(stored), purpose=_PURPOSE, bound_to=_bound_to(call, request)
        )
        statement = request.store(StoredResponse(ERRORS[stored.code].status if stored.code else 200, sealed), now())
    try:
        async with call.services.write_transaction(call.key.organization_id) as connection:
            await connection.execute(*statement)
    except (Unavailable, *UNAVAILABLE) as error:
        _log.warning("call_result_not_stored", call_id=call.call_id, error=type(error).__name__)


def _replay(call: Call, request: IdempotentRequest, earlier: CallClaim) -> RawResponse | Problem:
    if earlier.answer is None:
        if now() < earlier.ends_by:
            raise IdempotencyInFlight
        return Problem(
            "conflict",
            "A call was started under this Idempotency-Key, and its outcome is unknown. It is not repeated. Check "
            "whether the call took effect, then use a new key.",
            {"call_id": earlier.call_id, "started_at": earlier.at},
        )
    opened = call.services.sealer.open(earlier.answer.body, purpose=_PURPOSE, bound_to=_bound_to(call, request))
    stored = msgspec.json.decode(opened, type=_StoredResult)
    if stored.code is not None:
        return Problem(stored.code, stored.detail, stored.details)
    if stored.body is None:
        return Problem(
            "conflict",
            "The call under this Idempotency-Key has ended. Its response was too long to store. It is not repeated.",
        )
    return RawResponse(earlier.answer.status, stored.body.encode())


def _bound_to(call: Call, request: IdempotentRequest) -> str:
    return f"{call.key.organization_id}/{request.caller}/{request.key}"
