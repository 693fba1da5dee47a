"""The heads of responses as they are sent, with the Date header."""

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from time import monotonic

from app.http.header_lines import COMMON
from infrastructure.clock import now

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class _Date:
    value = b""
    ends = 0.0
    """When the value is no longer true, by the monotonic clock, which is faster to read."""


def current_date() -> bytes:
    """Return the value of the Date header (RFC 9110 §6.6.1), which changes once a second."""
    read_at = monotonic()
    if read_at >= _Date.ends:
        seconds = now().timestamp()
        _Date.value = formatdate(int(seconds), usegmt=True).encode()
        _Date.ends = read_at + 1 - seconds % 1
    return _Date.value


def encode_lines(lines: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return header lines as they are sent."""
    return b"".join([b"%b: %b\r\n" % line for line in lines])


COMMON_LINES = encode_lines(COMMON)


def response_head(
    status: int, request_id: str, content_type: str, length: int, *, common: bytes = COMMON_LINES, further: bytes = b""
) -> bytes:
    """Return everything before the body of `length` bytes. `common` and `further` are encoded header lines."""
    return b"%bdate: %b\r\n%bcontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b\r\n" % (
        STATUS_LINES[status],
        current_date(),
        common,
        content_type.encode(),
        length,
        request_id.encode(),
        further,
    )
