"""The API key in the headers of a request.

Credentials that are not API keys are never sent to the service. Only the service knows the secrets of imported keys, so
an application that accepts them sends it any credential in a request without a well-formed key.
"""

from collections.abc import Sequence

from msgspec import Struct

from keyledger.secret import Secret, flaw_of, may_be_imported

_DIFFERENT_KEYS = "The request contains different API keys. Send one, in Authorization or in X-API-Key."


class NoKey(Struct, frozen=True):
    """The reason that no single key was found. `credential_sent`: the headers contain a credential.

    `message` is for the caller. If it is None, the general message for a missing or malformed key applies.
    """

    credential_sent: bool
    message: str | None = None


def presented_key(headers: Sequence[tuple[bytes, bytes]], *, accept_imported: bool = False) -> Secret | NoKey:
    """Return the one key in `Authorization: Bearer …` and `X-API-Key`. Header names are in lower case.

    A proxy may put its own credential into one of the headers. The header that contains a well-formed key is used. If
    there is none, `accept_imported` lets a secret of any other format count. As in the service, X-API-Key counts before
    Authorization.
    """
    own, tokens = _credentials(headers)
    well_formed = {text for text in (*own, *tokens) if flaw_of(text) is None}
    imported = (set(filter(may_be_imported, own)), set(filter(may_be_imported, tokens))) if accept_imported else ()
    for keys in (well_formed, *imported):
        if len(keys) > 1:
            return NoKey(credential_sent=True, message=_DIFFERENT_KEYS)
        if keys:
            return Secret(keys.pop())
    return NoKey(credential_sent=bool(own or tokens))


def _credentials(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """Return every value of X-API-Key and every bearer token. Both may occur repeatedly or be joined by commas."""
    own: list[str] = []
    tokens: list[str] = []
    for name, value in headers:
        for part in value.split(b","):
            words = part.split(None, 1)
            if name == b"x-api-key" and words:
                own.append(part.strip().decode("latin-1"))
            elif name == b"authorization" and len(words) == 2 and words[0].lower() == b"bearer":  # noqa: PLR2004
                tokens.append(words[1].rstrip().decode("latin-1"))
    return own, tokens
