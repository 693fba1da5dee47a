"""The outcome of a transaction whose confirmation did not arrive.

A commit that was sent may have been carried out although the connection broke, or the caller's deadline passed, before
the server confirmed it. Therefore every transaction that changes something holds its own advisory lock until it ends. A
process that gets the lock afterwards knows that the transaction has ended, so the log shows its outcome.
"""

import secrets
from typing import Literal

from eventstore.queries import SQL
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable, Unconfirmed
from infrastructure.database.standbys import wait_for_standbys
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import read_transaction

_TOKEN_BITS = 63

Outcome = Literal["committed", "not_committed", "unknown"]


class Attempt:
    """One transaction before its commit. The task that runs it and the task that waits for it share this object.

    `result`: what the caller receives as soon as the commit is known to have succeeded.
    """

    __slots__ = ("_abandoned", "_is_harmless", "_proof", "_sent", "_token", "result")

    def __init__(self) -> None:
        self._abandoned = False
        self.result: object = None
        self.restart()

    def restart(self) -> None:
        """Prepare for another transaction. The previous one has ended without a commit."""
        self._token = 0
        self._sent = False
        self._proof: Statement | None = None
        self._is_harmless = False

    def begin(self) -> Statement:
        """Return the statement that follows `begin`. It takes the lock that this transaction holds until it ends."""
        self._token = secrets.randbits(_TOKEN_BITS)
        return Statement(SQL.outcome_lock, (self._token,))

    def before_commit(self, result: object, proof: Statement | None, *, is_harmless: bool = False) -> None:
        """Note that the commit is about to be sent. Raises `Unavailable` if the caller no longer waits for it.

        `proof` returns a row only if the transaction was committed. None: no query can show this. `is_harmless`: the
        transaction changes nothing, so its result is valid whether or not it was committed.
        """
        if self._abandoned:
            raise Unavailable
        self._sent = True
        self._proof = proof
        self._is_harmless = is_harmless
        self.result = result

    async def replay(self, connection: Connection, result: object) -> None:
        """Take over `result`, which `connection` has read from an earlier transaction. Return when it is durable.

        The transaction that read it ends. Raises `Unconfirmed` if the standbys do not confirm it.
        """
        self.before_commit(result, None)
        try:
            await wait_for_standbys(connection)
        except UNAVAILABLE as error:
            raise Unconfirmed from error

    def abandon(self) -> bool:
        """Prevent the commit. Return False if the commit was already sent, so that it may still succeed."""
        self._abandoned = True
        return not self._sent

    @property
    def commit_is_sent(self) -> bool:
        return self._sent

    @property
    def can_be_proved(self) -> bool:
        """Return whether a query can find the outcome. If it was unknown, repeating the query may find it."""
        return self._proof is not None

    async def outcome(self, pool: Pool, organization_id: str) -> Outcome:
        """Return the outcome of the transaction. Wait for the transaction to end, at most for the lock timeout."""
        if not self._sent:
            return "not_committed"
        # While this task waits for the lock, another attempt may start and replace the proof of this one.
        token, proof, is_harmless = self._token, self._proof, self._is_harmless
        if proof is None and not is_harmless:
            return "unknown"
        try:
            async with read_transaction(pool, organization_id) as connection:
                if proof is not None and not is_harmless:
                    await connection.execute(SQL.outcome_lock, (token,))
                    cursor = await connection.execute(*proof)
                    if await cursor.fetchone() is None:
                        return "not_committed"
                await wait_for_standbys(connection)
                return "committed"
        except UNAVAILABLE:
            return "unknown"
