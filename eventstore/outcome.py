"""The outcome of a transaction whose confirmation did not arrive.

A commit that was sent may have been carried out although the connection broke, or the caller's time was over, before
the server confirmed it. Every transaction that changes something therefore holds an advisory lock of its own until its
end. Whoever gets that lock afterwards knows that the transaction has ended, and what it left in the log is the truth.
"""

import secrets
from typing import Literal

from eventstore.queries import SQL
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import read_transaction

_TOKEN_BITS = 63

Outcome = Literal["made", "not_made", "unknown"]


class Attempt:
    """One transaction on its way to its commit. Shared by the task that carries it out and the one that waits for it.

    `result`: what the caller is given once the commit is known to have been made.
    """

    __slots__ = ("_abandoned", "_is_harmless", "_proof", "_sent", "_token", "result")

    def __init__(self) -> None:
        self._abandoned = False
        self.result: object = None
        self.restart()

    def restart(self) -> None:
        """Note that another transaction follows: the one before has ended without a commit."""
        self._token = 0
        self._sent = False
        self._proof: Statement | None = None
        self._is_harmless = False

    def begin(self) -> Statement:
        """The statement that follows `begin`: it takes the lock that this transaction holds until its end."""
        self._token = secrets.randbits(_TOKEN_BITS)
        return Statement(SQL.outcome_lock, (self._token,))

    def sends_commit(self, result: object, proof: Statement | None, *, is_harmless: bool = False) -> None:
        """Note that the commit is sent from here on. Raises `Unavailable` when nobody waits for it any longer.

        `proof` returns a row if, and only if, the transaction was committed; None: nothing would show that.
        `is_harmless`: the transaction writes nothing that anyone could miss, so its result holds in any case.
        """
        if self._abandoned:
            raise Unavailable
        self._sent = True
        self._proof = proof
        self._is_harmless = is_harmless
        self.result = result

    def abandon(self) -> bool:
        """Whether no commit was sent. None will be from here on."""
        self._abandoned = True
        return not self._sent

    @property
    def is_sent(self) -> bool:
        return self._sent

    @property
    def can_be_proved(self) -> bool:
        """Whether asking again may tell what asking once did not."""
        return self._proof is not None

    async def outcome(self, pool: Pool, organization_id: str) -> Outcome:
        """Return what became of the transaction, after waiting for its end as long as a lock is waited for."""
        if not self._sent:
            return "not_made"
        if self._is_harmless:
            return "made"
        # While the lock is awaited, another attempt may begin: it forgets what this one is proved by.
        token, proof = self._token, self._proof
        if proof is None:
            return "unknown"
        try:
            async with read_transaction(pool, organization_id) as connection:
                await connection.execute(SQL.outcome_lock, (token,))
                cursor = await connection.execute(*proof)
                return "not_made" if await cursor.fetchone() is None else "made"
        except UNAVAILABLE:
            return "unknown"
