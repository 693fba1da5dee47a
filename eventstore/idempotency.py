"""One response per Idempotency-Key, stored in the transaction of the change that it reports.

Therefore a response is stored exactly when its change is in the log. Work that is not a transaction, such as a call to
an external server, claims its key before it starts. Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from eventstore.errors import IdempotencyInFlight, IdempotencyMismatch
from eventstore.queries import SQL
from infrastructure.database.connections import Connection
from infrastructure.database.standbys import wait_for_standbys
from infrastructure.database.statements import Statement

KEPT_FOR = timedelta(hours=24)

_RUNNING = 0
"""Stored in the status column until there is a response."""


class StoredResponse(Struct, frozen=True):
    """An HTTP status, the bytes of the body without any secret, and the revision it reports."""

    status: int
    body: bytes
    revision: int | None = None


class IdempotentRequest(Struct, frozen=True):
    """A request of `caller` under `key`. `fingerprint` is the SHA-256 of the request."""

    caller: str
    key: str
    fingerprint: bytes

    def claim(self) -> Statement:
        return Statement(SQL.idempotency_claim, (self.caller, self.key))

    def find(self, at: datetime) -> Statement:
        return Statement(SQL.idempotency_find, (self.caller, self.key, at - KEPT_FOR))

    def store(self, answer: StoredResponse, at: datetime) -> Statement:
        return Statement(
            SQL.idempotency_store,
            (self.caller, self.key, self.fingerprint, answer.status, answer.body, answer.revision, at),
        )

    def release(self, call_id: str) -> Statement:
        """Return the statement that removes the claim of a call that was not made."""
        return Statement(SQL.idempotency_release, (self.caller, self.key, call_id.encode()))

    async def earlier_response(
        self, claimed: AsyncCursor[TupleRow], found: AsyncCursor[TupleRow]
    ) -> StoredResponse | None:
        """Return the earlier response, given the results of `claim` and `find`, or None if there is none.

        Raises `IdempotencyInFlight` while another request holds the key, and `IdempotencyMismatch` if the response
        belongs to a different request.
        """
        row = await claimed.fetchone()
        if row is None or not row[0]:
            raise IdempotencyInFlight
        row = await found.fetchone()
        if row is None:
            return None
        fingerprint, status, body, revision = row
        if bytes(fingerprint) != self.fingerprint:
            raise IdempotencyMismatch
        return StoredResponse(status, bytes(body), revision)


class CallClaim(Struct, frozen=True):
    """The call that has claimed a key. `answer` is None and `call_id` is set while the call has not ended.

    `at`: when the key was claimed or, later, when the response was stored. `ends_by`: when the call must have ended.
    """

    call_id: str | None
    at: datetime
    ends_by: datetime
    answer: StoredResponse | None = None


async def claim(
    connection: Connection, request: IdempotentRequest, call_id: str, at: datetime, ends_by: datetime
) -> CallClaim | None:
    """Claim `request` durably for the call `call_id`. Return None on success, and otherwise the earlier claim.

    The earlier claim must not be reported before the transaction is committed: even if the key is taken, the statement
    locks its row, so the commit waits until the synchronous standbys have that row.
    """
    parameters = (request.caller, request.key, request.fingerprint, call_id.encode(), at, ends_by, at - KEPT_FOR)
    cursor = await connection.execute(SQL.idempotency_start, parameters)
    if await cursor.fetchone() is not None:
        return None
    cursor = await connection.execute(SQL.idempotency_find_call, (request.caller, request.key))
    row = await cursor.fetchone()
    if row is None:
        raise IdempotencyInFlight  # the earlier call released it between the two statements
    fingerprint, status, answer, answered_at, ended_by = row
    if bytes(fingerprint) != request.fingerprint:
        raise IdempotencyMismatch
    if status == _RUNNING:
        return CallClaim(bytes(answer).decode(), answered_at, ended_by)
    return CallClaim(None, answered_at, ended_by or answered_at, StoredResponse(status, bytes(answer)))


async def lock_for_connection(
    connection: Connection, request: IdempotentRequest, at: datetime
) -> StoredResponse | None:
    """Claim `request` while `connection` is open, for work of several transactions.

    Return the earlier response, if any.

    `connection` stays bound to the organization of the caller until it closes. If the process dies before the end, no
    response is stored, and a repeated request completes the remaining work.
    """
    claimed = await connection.execute(SQL.idempotency_hold, (request.caller, request.key))
    earlier = await request.earlier_response(claimed, await connection.execute(*request.find(at)))
    if earlier is not None:
        await wait_for_standbys(connection)
    return earlier
