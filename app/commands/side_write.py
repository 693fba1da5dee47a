"""Changes of rows outside the log, such as an outbox, in one transaction and under the request's Idempotency-Key."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.handlers import HttpRequest, Success, encode_success, encoded_success, get_services, raw_request
from app.http.idempotency import REPLAYED, idempotency_key
from eventstore.idempotency import StoredResponse
from eventstore.outcome import Attempt
from eventstore.settle import settle
from infrastructure.clock import now
from infrastructure.database.connections import Connection

T = TypeVar("T")


async def run_side_write(request: HttpRequest, change: Callable[[Connection], Awaitable[T]]) -> Success[T]:
    """Respond 200 with the data that `change` returns, after the commit, or replay the stored response."""
    services = get_services(request)
    attempt = Attempt()
    work = _run(request, change, attempt)
    timeout_seconds = services.config.request_timeout_seconds
    response, replayed = await settle(services.pool, request.auth.organization_id, attempt, work, timeout_seconds)
    return encoded_success(response.body, status=response.status, headers=REPLAYED if replayed else None)


async def _run(
    request: HttpRequest, change: Callable[[Connection], Awaitable[object]], attempt: Attempt
) -> tuple[StoredResponse, bool]:
    idempotent = idempotency_key(raw_request(request), request.auth.id)
    at = now()
    async with get_services(request).write_transaction(request.auth.organization_id) as connection:
        await connection.execute(*attempt.begin())
        if idempotent is not None:
            claimed = await connection.execute(*idempotent.claim())
            earlier = await idempotent.earlier_response(claimed, await connection.execute(*idempotent.find(at)))
            if earlier is not None:
                await attempt.replay(connection, (earlier, True))
                return earlier, True
        response = StoredResponse(200, encode_success(await change(connection)))
        if idempotent is not None:
            await connection.execute(*idempotent.store(response, at))
        attempt.before_commit((response, False), None if idempotent is None else idempotent.find(at))
    return response, False
