"""Reads `Retry-After` in the answers of servers of others: seconds, or a date (RFC 9110 §10.2.3)."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_STATUS = frozenset({429, 503})
"""Answers that may say when to come back."""

RETRY_AFTER_SECONDS_MAX = 3_600
"""A server that asks for more is asked again after an hour: it may have meant another unit."""

_DIGITS_MAX = 9
"""More digits are more than thirty years, whatever they say."""


def retry_after_seconds(headers: Iterable[tuple[bytes, bytes]], at: datetime) -> float | None:
    """Return for how long the server asks to be left alone; None: it does not say, or what it says cannot be read.

    A date is held against the `Date` of the same answer, since both are of the server's clock, or else against `at`.
    """
    named = [(name.lower(), value.decode("latin-1").strip()) for name, value in headers]
    for name, value in named:
        if name == b"retry-after":
            if value.isascii() and value.isdigit():
                return float(value) if len(value) <= _DIGITS_MAX else float("9" * _DIGITS_MAX)
            until = _date(value)
            if until is not None:
                dates = [found for other, text in named if other == b"date" and (found := _date(text)) is not None]
                return max((until - (dates[0] if dates else at)).total_seconds(), 0.0)
    return None


def whole_seconds(asked: float) -> int:
    """Return for how long a server that asks for this is left alone: at least a second, and an hour at most."""
    return max(1, min(math.ceil(asked), RETRY_AFTER_SECONDS_MAX))


def _date(text: str) -> datetime | None:
    """In any of the three forms of RFC 9110 §5.6.7, all of which are UTC."""
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
