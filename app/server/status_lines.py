"""The first lines of responses, and the Date header."""

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


def closing_response(status: int, request_id: str, content_type: str = "text/plain", body: bytes = b"") -> bytes:
    """Return a response that closes the connection, to what is not a complete request."""
    head = b"%bdate: %b\r\n%bconnection: close\r\ncontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n\r\n%b"
    common = b"".join([b"%b: %b\r\n" % pair for pair in COMMON])
    return head % (
        STATUS_LINES[status],
        current_date(),
        common,
        content_type.encode(),
        len(body),
        request_id.encode(),
        body,
    )
