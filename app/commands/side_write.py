"""Changes of what is in no event, such as an outbox: one transaction, and repeated like any other change."""

from collections.abc import Awaitable, Callable
from typing import cast

from app.commands.outcomes import settled
from app.http.handlers import HttpRequest, HttpResponse, get_services, raw_request
from app.http.idempotency import idempotency_key
from app.http.replies import respond
from eventstore.errors import IdempotencyInFlight
from eventstore.idempotency import Row, StoredResponse
from eventstore.outcome import Attempt
from infrastructure.clock import now
from infrastructure.database.connections import Connection


async def change_unlogged(request: HttpRequest, make: Callable[[Connection], Awaitable[bytes]]) -> HttpResponse:
    """Answer 200 with the body that `make` gives, once that is committed, or with what was answered before."""
    services = get_services(request)
    attempt = Attempt()
    work = _once(request, make, attempt)
    answer, replayed = await settled(services, request.auth.organization_id, attempt, work)
    return respond(answer.body, answer.status, answer.revision, replayed=replayed)


async def _once(
    request: HttpRequest, make: Callable[[Connection], Awaitable[bytes]], attempt: Attempt
) -> tuple[StoredResponse, bool]:
    repeatable = idempotency_key(raw_request(request), request.auth.id)
    at = now()
    async with get_services(request).write_transaction(request.auth.organization_id) as connection:
        await connection.execute(*attempt.begin())
        if repeatable is not None:
            claimed = await (await connection.execute(*repeatable.claim())).fetchone()
            if claimed is None or not claimed[0]:
                raise IdempotencyInFlight
            row = await (await connection.execute(*repeatable.find(at))).fetchone()
            earlier = repeatable.replay(cast("Row | None", row))
            if earlier is not None:
                return earlier, True
        answer = StoredResponse(200, await make(connection))
        if repeatable is not None:
            await connection.execute(*repeatable.store(answer, at))
        attempt.sends_commit((answer, False), None if repeatable is None else repeatable.find(at))
    return answer, False
