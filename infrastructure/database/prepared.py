"""Statements that a connection prepares once, with parameters and results in PostgreSQL's wire formats.

A statement of a `queries.sql` file declares the format of each parameter: `%s` for text and `%b` for binary, as psycopg
reads them. Results are binary. The helpers encode and decode the few types that these statements use.
Source: PostgreSQL documentation, 54.7 (Bind); `array_send` and `timestamptz_send` of its source for the layouts.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import psycopg
from psycopg.pq import Format

_PLACEHOLDER = re.compile(rb"%(.?)", re.DOTALL)
_FORMATS = {b"s": Format.TEXT, b"t": Format.TEXT, b"b": Format.BINARY}
_TIMESTAMP_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

BYTEA_OID = 17
TEXT_OID = 25


class PreparedStatement(NamedTuple):
    """A statement with `$1`, `$2`, … for its parameters, whose values are bytes in `parameter_formats`.

    `name` identifies the statement on a connection: two statements must not share it.
    """

    name: bytes
    query: bytes
    parameter_formats: tuple[Format, ...] = ()
    result_format: Format = Format.BINARY

    @classmethod
    def of(cls, name: str, query: bytes) -> Self:
        """Return the statement for a `query` with `%s` and `%b`. Raise `ValueError` for any other placeholder."""
        formats: list[Format] = []

        def numbered(found: re.Match[bytes]) -> bytes:
            if found[1] == b"%":
                return b"%"
            if found[1] not in _FORMATS:
                raise ValueError(f"The statement {name} contains the placeholder {found[0]!r} instead of %s or %b.")
            formats.append(_FORMATS[found[1]])
            return b"$%d" % len(formats)

        return cls(name.encode(), _PLACEHOLDER.sub(numbered, query), tuple(formats))

    def call(self, *parameters: bytes | None) -> "Call":
        """Return an execution of the statement. Raise `DataError` for a text with a zero byte, at which libpq ends it.

        None is the null value.
        """
        if len(parameters) != len(self.parameter_formats):
            raise TypeError(f"{self.name.decode()} takes {len(self.parameter_formats)} parameters: {len(parameters)}")
        for parameter, parameter_format in zip(parameters, self.parameter_formats, strict=True):
            if parameter is not None and parameter_format is Format.TEXT and b"\0" in parameter:
                raise psycopg.DataError("PostgreSQL stores no text with a zero byte.")
        return Call(self, parameters)


class Call(NamedTuple):
    """One execution of a prepared statement."""

    statement: PreparedStatement
    parameters: Sequence[bytes | None]


def bytea_array(items: Sequence[bytes]) -> bytes:
    """Return a `bytea[]` in binary format."""
    return _array(BYTEA_OID, items)


def text_array(items: Iterable[str]) -> bytes:
    """Return a `text[]` in binary format. Raise `DataError` for a text that is not Unicode."""
    try:
        return _array(TEXT_OID, [item.encode() for item in items])
    except UnicodeEncodeError as error:
        raise psycopg.DataError("PostgreSQL stores no text that is not Unicode.") from error


def _array(element_oid: int, items: Sequence[bytes]) -> bytes:
    """Return an array of one dimension: dimensions, whether it has nulls, type; length, lower bound; and the items."""
    if not items:
        return b"\0\0\0\0\0\0\0\0" + element_oid.to_bytes(4)
    parts = [b"\0\0\0\1\0\0\0\0", element_oid.to_bytes(4), len(items).to_bytes(4), b"\0\0\0\1"]
    for item in items:
        parts += (len(item).to_bytes(4), item)
    return b"".join(parts)


def as_integer(value: bytes | None) -> int:
    """Return an `int2`, `int4` or `int8` from binary format. Raise `ValueError` for null."""
    return int.from_bytes(not_null(value), signed=True)


def as_text(value: bytes | None) -> str:
    """Return a text from binary format. Raise `ValueError` for null."""
    return not_null(value).decode()


def as_boolean(value: bytes | None) -> bool:
    """Return a `bool` from binary format. Raise `ValueError` for null."""
    return not_null(value) == b"\1"


def as_instant(value: bytes | None) -> datetime:
    """Return a `timestamptz` from binary format, microseconds since 2000. Raise `ValueError` for null."""
    return _TIMESTAMP_EPOCH + timedelta(microseconds=as_integer(value))


def not_null(value: bytes | None) -> bytes:
    """Return a value of a column that is never null. Raise `ValueError` if it is."""
    if value is None:
        raise ValueError("PostgreSQL returned null for a column that is never null.")
    return value
