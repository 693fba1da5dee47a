"""The body of a request: its limits, and reading it from ASGI."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar.types import Receive

from app.http.errors import Problem

BODY_BYTES_MAX = 1024 * 1024
BODY_SECONDS = 30
"""Time for a complete body after the headers. Otherwise a client that sends a byte now and then, or none, could hold a
connection indefinitely."""


def too_large() -> Problem:
    return Problem("payload_too_large")


def too_slow() -> Problem:
    return Problem("invalid_request", f"The body was not complete after {BODY_SECONDS} seconds.")


def is_declared_too_large(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether Content-Length exceeds the limit, so that the body need not be read at all."""
    length = headers.get(b"content-length", b"")
    return length.isdigit() and int(length[:20]) > BODY_BYTES_MAX


def refuse_encoded(content: bytes, headers: Mapping[bytes, bytes]) -> Problem | None:
    """Return the refusal of a compressed body, with the accepted encodings (RFC 9110 §12.5.3)."""
    coding = headers.get(b"content-encoding")
    if coding is None or not content or coding.strip().lower() in {b"", b"identity"}:
        return None
    message = "The body has a content coding. Send it without Content-Encoding."
    return Problem("unsupported_media_type", message, headers={"Accept-Encoding": "identity"})


async def read_body(receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
    """Return the whole body. Raise 413 as soon as it is known to be too large, and 400 if it does not arrive in time.

    The rest of a refused body is not read here. The HTTP protocol discards it.
    """
    if is_declared_too_large(headers):
        raise too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive)
    except TimeoutError:
        raise too_slow() from None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        part, more = _part(await receive(), size)
        size += len(part)
        parts.append(part)
    return b"".join(parts)


def _part(message: Any, size: int) -> tuple[bytes, bool]:  # noqa: ANN401 -- one of ASGI's messages
    """Return the next part of a body that has `size` bytes so far, and whether more follows."""
    if message["type"] != "http.request":
        raise Problem("invalid_request", "The connection was closed before the body was complete.")
    if size + len(message["body"]) > BODY_BYTES_MAX:
        raise too_large()
    return message["body"], message["more_body"]
