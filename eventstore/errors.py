"""What can go wrong with the log. The first line of each docstring is the message."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NoReturn

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests


class LogError(Exception):
    """The log could not do that."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class Unavailable(LogError):
    """The log cannot be written at the moment. Nothing was recorded: repeat the request in a moment."""

    outcome: ClassVar[Literal["not_recorded", "unknown"]] = "not_recorded"


class Overloaded(Unavailable):
    """More requests are waiting for the log than it can take: nothing more is accepted for a moment."""


class SettingsNotApplied(Unavailable, psycopg.OperationalError):
    """PostgreSQL does not apply the settings that a connection asked for. Connect without a pooler that drops them."""

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        super().__init__(
            f"PostgreSQL does not apply the settings that this connection asked for: {', '.join(differences)}. A"
            " connection pooler that drops startup parameters does this. Connect to PostgreSQL directly, or through a"
            " pooler that passes them on."
        )

    def again(self) -> "SettingsNotApplied":
        """The same for another caller: an exception keeps the trace of the one that it was raised for."""
        return SettingsNotApplied(self.differences)


class Unconfirmed(Unavailable):
    """A change was sent and not confirmed. Look it up, or repeat the request with the same Idempotency-Key."""

    outcome = "unknown"

    def __init__(self, message: str | None = None, *, resource_id: str | None = None) -> None:
        super().__init__(message)
        self.resource_id = resource_id


class UseUnconfirmed(Unconfirmed):
    """The use of the key may be recorded, but nothing else was done. Repeat the request."""


class PartlyDone(Unconfirmed):
    """A part of the change was made before the log became unavailable. Repeat the request: it does what is left."""


class StreamMoved(LogError):
    """Someone else changed the same thing, or the key that asks for it, at the same time. Repeat the request."""


class IdempotencyInFlight(LogError):
    """A request with this Idempotency-Key is still running. Wait for its answer, or repeat in a moment."""


class IdempotencyMismatch(LogError):
    """This Idempotency-Key was used for another request. Use a new one for a new request."""


class Corruption(LogError):
    """The log contradicts itself."""


STREAM_MOVED = "KL001"
"""SQLSTATE raised by `stream_advance`."""

UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # after a failover the old primary only reads
    # The server ended the session since its transaction was idle or open for too long; psycopg: an InternalError.
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    PoolTimeout,
    TooManyRequests,
    TimeoutError,
    OSError,
)
"""What the driver and the pool raise when the database does not answer, or does not answer in time."""

SUSPECT = (psycopg.ProgrammingError, psycopg.InternalError, psycopg.InterfaceError, psycopg.NotSupportedError)
"""What no statement of this program raises on a healthy connection: an open pipeline or transaction, another role or
search path, a server that only reads. The connection is replaced rather than trusted again."""


def translate(error: Exception) -> NoReturn:
    """Raise the word of this package for what the driver raised; what has no such word is a defect and goes on."""
    if isinstance(error, psycopg.Error) and error.sqlstate == STREAM_MOVED:
        raise StreamMoved from error
    if (
        isinstance(error, psycopg.errors.UniqueViolation)
        and error.diag.constraint_name == "events_stream_id_version_key"
    ):
        raise StreamMoved from error
    if isinstance(error, UNAVAILABLE) and not isinstance(error, Unavailable):
        raise Unavailable from error
    raise error
