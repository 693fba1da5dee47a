"""The texts that a percent-encoded text stands for, depending on how often it is decoded."""

import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_plus

_DECODED_TIMES_MAX = 5


def decodings(address: str) -> Iterator[str]:
    """The text as it stands and as often decoded as a server behind a proxy could do."""
    text = address
    for _ in range(_DECODED_TIMES_MAX):
        yield text
        decoded = unicodedata.normalize("NFKC", unquote_plus(text))
        if decoded == text:
            return
        text = decoded
