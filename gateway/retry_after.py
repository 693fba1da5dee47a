"""Parsing of `Retry-After` in the responses of foreign servers: seconds, or a date (RFC 9110 §10.2.3)."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_STATUS = frozenset({429, 503})
"""Statuses whose responses may contain `Retry-After`."""

RETRY_AFTER_SECONDS_MAX = 3_600
"""Longest delay that is honored: a server that requests more may have meant another unit."""

_DIGITS_MAX = 9
"""Numbers with more digits mean more than thirty years, so their value does not matter."""


def retry_after_seconds(headers: Iterable[tuple[bytes, bytes]], at: datetime) -> float | None:
    """Return the delay that the server requests; None if the header is missing or cannot be parsed.

    A date is compared with the `Date` of the same response, because both come from the server's clock. Without a
    `Date`, it is compared with `at`.
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


def whole_seconds(requested: float) -> int:
    """Return the delay to honor for a server that requests `requested` seconds: between one second and one hour."""
    return max(1, min(math.ceil(requested), RETRY_AFTER_SECONDS_MAX))


def _date(text: str) -> datetime | None:
    """Parse any of the three date formats of RFC 9110 §5.6.7, all of which are UTC."""
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
