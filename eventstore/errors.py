"""Errors of the log. The first line of each docstring is the message."""

from collections.abc import Mapping
from typing import NoReturn

import psycopg

from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable, Unconfirmed


class Overloaded(Unavailable):
    """The service is overloaded: too many requests are waiting to be recorded. Retry after a moment."""


class UseUnconfirmed(Unconfirmed):
    """The use of the key may have been recorded, but nothing else was done. Retry the request."""


class PartlyDone(Unconfirmed):
    """A part of the change was made before the log became unavailable. Retry the request to complete it."""


class ConcurrentChange(StorageError):
    """The resource or the caller's key was modified concurrently. Retry the request."""


class IdempotencyInFlight(StorageError):
    """A request with this Idempotency-Key is still being processed. Wait for its response, or retry later."""


class IdempotencyMismatch(StorageError):
    """This Idempotency-Key was already used for a different request. Use a new key for each new request."""


class Corruption(StorageError):
    """The log contradicts itself."""


STREAM_MOVED = "KL001"
"""SQLSTATE raised by `stream_advance`."""


def translate(error: Exception, violations: Mapping[str, type[StorageError]] | None = None) -> NoReturn:
    """Raise the error that corresponds to the driver's error: one of this package, or that of a violated constraint.

    `violations`: the errors by the names of constraints. An unknown error is a defect and is not caught.
    """
    if isinstance(error, psycopg.errors.UniqueViolation):
        violated = (violations or {}).get(error.diag.constraint_name or "")
        if violated is not None:
            raise violated from error
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
