"""A call under an Idempotency-Key is made once: whoever repeats the request is told what came of the first.

Unlike a change, a call is no transaction: the server may have done its work though its answer was lost. So the key is
claimed before the server is asked, and free again only if the server was not reached. What the server said, a failure
too, is the answer to every repeat for 24 hours; and where nobody knows what came of the call, that is the answer. It is
never made again by itself.

A repeat is a request like any other: the key has to be accepted for it, and it is recorded, and billed, as a use, which
ends at once.
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
"""A longer answer is not kept: its repeat is told that the call has ended, and how, and not what the server said."""

_MARGIN = timedelta(seconds=15)
"""What a call may take beyond its own limit: to connect, to part, to be recorded."""

_PURPOSE = "idempotent-answer"

_log = structlog.get_logger(__name__)


class _StoredResult(Struct, frozen=True):
    """What a repeat is told: `body` of a success (None: it was too long), or the problem."""

    body: str | None = None
    code: str | None = None
    detail: str | None = None
    details: dict[str, Any] = {}


def repeatable(inbound: RawRequest) -> IdempotentRequest | None:
    """What the Idempotency-Key of the request stands for, but for its caller; 422 for one of another form."""
    return idempotency_key(inbound, "")


async def call_once(
    call: Call, inbound: RawRequest, request: IdempotentRequest | None, make: Callable[[], Awaitable[bytes]]
) -> RawResponse:
    """The answer to the call that `make` makes, or that an earlier request under the same key has made."""
    if request is None:
        return RawResponse(200, await make())
    request = structs.replace(request, caller=call.key.id)
    try:
        earlier = await _claim(call, request)
        replay = None if earlier is None else _replay(call, request, earlier)
    except (StorageError, *UNAVAILABLE) as error:
        if isinstance(error, Unconfirmed):
            # No server was asked. A claim that was made after all would tell every repeat that the outcome is unknown.
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
        # What goes wrong after the server was asked says nothing about what the tool has done.
        if not call.progress.server_asked:
            await _settle(call, request, None)
        raise
    await _settle(call, request, _StoredResult(body.decode() if len(body) <= ANSWER_BYTES_MAX else None))
    return body


async def _claim(call: Call, request: IdempotentRequest) -> CallClaim | None:
    """None: it is this request's. Otherwise what is known of the one that has it."""
    at = now()
    ends_by = at + timedelta(milliseconds=call.timeout_ms) + _MARGIN
    async with call.services.write_transaction(call.key.organization_id) as connection:
        return await claim(connection, request, call.call_id, at, ends_by)


async def _settle(call: Call, request: IdempotentRequest, kept: _StoredResult | None) -> None:
    """Keep the answer; None: the key is free again. If that fails, a repeat is told that the outcome is not known."""
    if kept is None:
        statement = request.release(call.call_id)
    else:
        sealed = call.services.sealer.seal(
            msgspec.json.encode(kept), purpose=_PURPOSE, bound_to=_bound_to(call, request)
        )
        statement = request.store(StoredResponse(ERRORS[kept.code].status if kept.code else 200, sealed), now())
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
            "A call was begun under this Idempotency-Key, and what came of it is not known. It is not made again: find "
            "out whether it did its work, then use a new key.",
            {"call_id": earlier.call_id, "started_at": earlier.at},
        )
    opened = call.services.sealer.open(earlier.answer.body, purpose=_PURPOSE, bound_to=_bound_to(call, request))
    kept = msgspec.json.decode(opened, type=_StoredResult)
    if kept.code is not None:
        return Problem(kept.code, kept.detail, kept.details)
    if kept.body is None:
        return Problem(
            "conflict",
            "The call under this Idempotency-Key has ended, and its answer was too long to keep. It is not made again.",
        )
    return RawResponse(earlier.answer.status, kept.body.encode())


def _bound_to(call: Call, request: IdempotentRequest) -> str:
    return f"{call.key.organization_id}/{request.caller}/{request.key}"
