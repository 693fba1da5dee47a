"""Parsing of Retry-After: its two formats, and invalid values."""

from datetime import UTC, datetime

import pytest

from gateway.retry_after import retry_after_seconds

NOON = datetime(2026, 11, 6, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("9" * 400, 999_999_999),
        ("Fri, 06 Nov 2026 12:02:00 GMT", 120),
        ("Friday, 06-Nov-26 12:02:00 GMT", 120),
        ("Fri Nov  6 12:02:00 2026", 120),
        ("Fri, 06 Nov 2026 11:00:00 GMT", 0),
        ("-5", None),
        ("1.5", None),
        ("\u0661\u0662", None),
        ("soon", None),
        ("", None),
        ("5, 10", None),
        ("Fri, 99 Nov 2026 12:02:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_parsed_and_other_values_ignored(value: str, seconds: float | None) -> None:
    headers = [(b"Retry-After", value.encode("utf-8"))]
    assert retry_after_seconds(headers, NOON) == seconds


def test_a_date_is_relative_to_the_clock_of_its_server() -> None:
    headers = [(b"date", b"Fri, 06 Nov 2026 09:00:00 GMT"), (b"retry-after", b"Fri, 06 Nov 2026 09:00:30 GMT")]
    assert retry_after_seconds(headers, NOON) == 30


def test_a_missing_header_gives_no_delay() -> None:
    assert retry_after_seconds([(b"date", b"Fri, 06 Nov 2026 09:00:00 GMT")], NOON) is None


def test_the_first_valid_of_several_headers_counts() -> None:
    assert retry_after_seconds([(b"retry-after", b"soon"), (b"retry-after", b"7")], NOON) == 7
