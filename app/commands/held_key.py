"""An Idempotency-Key that a connection holds while a request makes changes in several transactions.

If the process dies before the response is stored, the key is free again, and a repeated request does the rest.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.handlers import HttpRequest, get_services
from eventstore.idempotency import IdempotentRequest, StoredResponse, lock_for_connection
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Timeouts, connect
from infrastructure.deadline import with_deadline


class HeldKey:
    """`earlier` is the response that was already stored under the key."""

    def __init__(
        self,
        connection: Connection,
        idempotency: IdempotentRequest,
        earlier: StoredResponse | None,
        timeout_seconds: float,
    ) -> None:
        self.earlier = earlier
        self._connection = connection
        self._idempotency = idempotency
        self._timeout_seconds = timeout_seconds

    async def store(self, response: StoredResponse) -> None:
        """Store the response. Raise `TimeoutError` if PostgreSQL does not confirm that in time."""
        await with_deadline(self._timeout_seconds, self._store(response))

    async def _store(self, response: StoredResponse) -> None:
        await self._connection.execute(*self._idempotency.store(response, now()))


@asynccontextmanager
async def held_key(request: HttpRequest, idempotency: IdempotentRequest) -> AsyncGenerator[HeldKey]:
    """Hold the key inside the block. Raise `IdempotencyInFlight` if another request holds it."""
    config = get_services(request).config
    timeout_seconds = config.request_timeout_seconds
    # Not a connection of the pool: requests that each hold one and wait for a second one would block each other.
    timeouts = Timeouts(lock=timeout_seconds)
    opening = connect(config.database_url, organization_id=request.auth.organization_id, timeouts=timeouts)
    connection = await with_deadline(timeout_seconds, opening)
    try:
        claiming = lock_for_connection(connection, idempotency, now())
        earlier = await with_deadline(2 * timeout_seconds, claiming)
        yield HeldKey(connection, idempotency, earlier, timeout_seconds)
    finally:
        # The context manager of the connection would first wait for the statement that the deadline has abandoned.
        await connection.close()
