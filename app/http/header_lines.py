"""Header lines: those of a request by name, and those that every response has."""

import os
from collections.abc import Iterable, Mapping

from domain.secret import contains_secret

REQUEST_ID_LENGTH_MAX = 128

COMMON = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""Headers of every response that does not set others of the same name."""

CLOSE = {"Connection": "close"}


def merge_headers(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the values by name. Lines of one name form a list (RFC 9110 §5.3), which no single-value header accepts.

    Cookies, which a proxy may have received over HTTP/2 in parts, are joined again (RFC 9113 §8.2.3).
    """
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        earlier = headers.get(name)
        if earlier is None:
            headers[name] = value
        else:
            headers[name] = earlier + (b"; " if name == b"cookie" else b", ") + value
    return headers


def request_id_from(headers: Mapping[bytes, bytes]) -> str:
    """Return the request id of the caller if it is printable and no secret, and otherwise a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and 0 < len(given) <= REQUEST_ID_LENGTH_MAX and given.isascii():
        text = given.decode("ascii")
        if text.isprintable() and not contains_secret(text):
            return text
    return f"req_{os.urandom(12).hex()}"


def missing_common(names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the common headers that a response with headers of these names does not have yet."""
    present = {name.lower() for name in names}
    return [pair for pair in COMMON if pair[0] not in present]


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
