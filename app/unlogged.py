"""Changes of what is in no event, such as an outbox: one transaction, and repeated like any other change."""

from collections.abc import Awaitable, Callable
from typing import cast

from app.idempotency import idempotency_of
from app.patience import within
from app.replies import respond
from app.requests import HttpRequest, HttpResponse, inbound_of, services_of
from eventstore.clock import now
from eventstore.database import Connection
from eventstore.errors import IdempotencyInFlight
from eventstore.idempotency import Answer, Row


async def change_unlogged(request: HttpRequest, make: Callable[[Connection], Awaitable[bytes]]) -> HttpResponse:
    """Answer 200 with the body that `make` gives, once that is committed, or with what was answered before."""
    services = services_of(request)
    answer, replayed = await within(2 * services.config.patience_seconds, _once(request, make))
    return respond(answer.body, answer.status, answer.revision, replayed=replayed)


async def _once(request: HttpRequest, make: Callable[[Connection], Awaitable[bytes]]) -> tuple[Answer, bool]:
    repeatable = idempotency_of(inbound_of(request), request.auth.id)
    at = now()
    async with services_of(request).writing(request.auth.organization_id) as connection:
        if repeatable is not None:
            claimed = await (await connection.execute(*repeatable.claim())).fetchone()
            if claimed is None or not claimed[0]:
                raise IdempotencyInFlight
            row = await (await connection.execute(*repeatable.find(at))).fetchone()
            earlier = repeatable.replay(cast("Row | None", row))
            if earlier is not None:
                return earlier, True
        answer = Answer(200, await make(connection))
        if repeatable is not None:
            await connection.execute(*repeatable.store(answer, at))
    return answer, False
