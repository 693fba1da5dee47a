"""The API key in the headers of a request. Other credentials are not keys and are sent nowhere."""

from collections.abc import Sequence

from msgspec import Struct

from keyledger.secret import Secret, flaw_of

_DIFFERENT_KEYS = "The request contains different API keys. Send one, in Authorization or in X-API-Key."


class NoKey(Struct, frozen=True):
    """Why no key was found. `credential_sent`: there was another credential. `message`: None if nothing is unusual."""

    credential_sent: bool
    message: str | None = None


def presented_key(headers: Sequence[tuple[bytes, bytes]]) -> Secret | NoKey:
    """Return the one well-formed key in `Authorization: Bearer …` and `X-API-Key`. Header names are in lower case.

    A proxy may put its own credential into one of the headers. The header that contains a key is used.
    """
    texts = [text.decode("latin-1") for text in _credentials(headers)]
    keys = {text for text in texts if flaw_of(text) is None}
    if len(keys) > 1:
        return NoKey(credential_sent=True, message=_DIFFERENT_KEYS)
    return Secret(keys.pop()) if keys else NoKey(credential_sent=bool(texts))


def _credentials(headers: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Return every bearer token and every value of X-API-Key. Both may occur repeatedly or be joined by commas."""
    found: list[bytes] = []
    for name, value in headers:
        for part in value.split(b","):
            words = part.split(None, 1)
            if name == b"x-api-key" and words:
                found.append(part.strip())
            elif name == b"authorization" and len(words) == 2 and words[0].lower() == b"bearer":  # noqa: PLR2004
                found.append(words[1].rstrip())
    return found
