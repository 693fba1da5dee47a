"""The API key in the headers of a request. Credentials that are not API keys are never sent to the service."""

from collections.abc import Sequence

from msgspec import Struct

from keyledger.secret import Secret, flaw_of

_DIFFERENT_KEYS = "The request contains different API keys. Send one, in Authorization or in X-API-Key."


class NoKey(Struct, frozen=True):
    """The reason that no single key was found. `credential_sent`: the headers contain a credential.

    `message` is for the caller. If it is None, the general message for a missing or malformed key applies.
    """

    credential_sent: bool
    message: str | None = None


def presented_key(headers: Sequence[tuple[bytes, bytes]]) -> Secret | NoKey:
    """Return the one well-formed key in `Authorization: Bearer …` and `X-API-Key`. Header names are in lower case.

    A proxy may put its own credential into one of the headers. The header that contains a key is used.
    """
    credentials = [credential.decode("latin-1") for credential in _credentials(headers)]
    keys = {credential for credential in credentials if flaw_of(credential) is None}
    if len(keys) > 1:
        return NoKey(credential_sent=True, message=_DIFFERENT_KEYS)
    return Secret(keys.pop()) if keys else NoKey(credential_sent=bool(credentials))


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
