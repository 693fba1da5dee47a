"""Errors of the database. The first line of each docstring is the message."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests


class StorageError(Exception):
    """The database could not complete the request."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class Unavailable(StorageError):
    """The service cannot record requests right now. Nothing was recorded. Retry after a moment."""

    outcome: ClassVar[Literal["not_recorded", "unknown"]] = "not_recorded"


class SettingsNotApplied(Unavailable, psycopg.OperationalError):
    """PostgreSQL does not apply the settings that a connection requested. Connect without a pooler that drops them."""

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        super().__init__(
            f"PostgreSQL does not apply the settings that this connection requested: {', '.join(differences)}. A"
            " connection pooler that drops startup parameters does this. Connect to PostgreSQL directly, or through a"
            " pooler that passes them on."
        )

    def again(self) -> "SettingsNotApplied":
        """Return a copy for another caller: an exception keeps the traceback of the caller it was raised for."""
        return SettingsNotApplied(self.differences)


class Unconfirmed(Unavailable):
    """A change was sent but not confirmed. Look it up, or retry the request with the same Idempotency-Key."""

    outcome = "unknown"

    def __init__(self, message: str | None = None, *, resource_id: str | None = None) -> None:
        super().__init__(message)
        self.resource_id = resource_id


UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # after a failover the old primary is read-only
    # The server ended the session because its transaction was idle or open too long; psycopg: an InternalError.
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    PoolTimeout,
    TooManyRequests,
    TimeoutError,
    OSError,
)
"""Errors that the driver and the pool raise if the database does not respond, or not in time."""

SUSPECT = (psycopg.ProgrammingError, psycopg.InternalError, psycopg.InterfaceError, psycopg.NotSupportedError)
"""Errors that no statement of this program raises on a healthy connection. Causes are an open pipeline or transaction,
another role or search path, or a read-only server. The connection is replaced instead of reused."""
