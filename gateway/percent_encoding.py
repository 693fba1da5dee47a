"""Repeated decoding of percent-encoded text."""

import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_plus

_DECODED_TIMES_MAX = 5


def decodings(address: str) -> Iterator[str]:
    """Yield the text, and the text after each further decoding that a server behind a proxy might do."""
    text = address
    for _ in range(_DECODED_TIMES_MAX):
        yield text
        decoded = unicodedata.normalize("NFKC", unquote_plus(text))
        if decoded == text:
            return
        text = decoded
