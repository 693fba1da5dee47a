"""What can go wrong with the log. The first line of each docstring is the message."""

from typing import NoReturn

import psycopg

from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed


class Overloaded(Unavailable):
    """More requests are waiting for the log than it can take: nothing more is accepted for a moment."""


class UseUnconfirmed(Unconfirmed):
    """The use of the key may be recorded, but nothing else was done. Repeat the request."""


class PartlyDone(Unconfirmed):
    """A part of the change was made before the log became unavailable. Repeat the request: it does what is left."""


class ConcurrentChange(StorageError):
    """Someone else changed the same thing, or the key that asks for it, at the same time. Repeat the request."""


class IdempotencyInFlight(StorageError):
    """A request with this Idempotency-Key is still running. Wait for its answer, or repeat in a moment."""


class IdempotencyMismatch(StorageError):
    """This Idempotency-Key was used for another request. Use a new one for a new request."""


class Corruption(StorageError):
    """The log contradicts itself."""


STREAM_MOVED = "KL001"
"""SQLSTATE raised by `stream_advance`."""


def translate(error: Exception) -> NoReturn:
    """Raise the word of this package for what the driver raised; what has no such word is a defect and goes on."""
    if isinstance(error, psycopg.Error) and error.sqlstate == STREAM_MOVED:
        raise ConcurrentChange from error
    if (
        isinstance(error, psycopg.errors.UniqueViolation)
        and error.diag.constraint_name == "events_stream_id_version_key"
    ):
        raise ConcurrentChange from error
    if isinstance(error, UNAVAILABLE) and not isinstance(error, Unavailable):
        raise Unavailable from error
    raise error
