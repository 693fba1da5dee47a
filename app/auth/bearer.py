"""Detection of the API key in a request: `Authorization: Bearer …` (RFC 6750) or `X-API-Key: …`.

A proxy or a browser may put its own credential into one of the two headers. A value without the form of a key is
ignored, and the header that contains a key counts.
"""

from collections.abc import Mapping

from app.http.errors import unauthorized
from domain.secret import Secret, looks_like_key, parse

_DIFFERENT_KEYS = "The request contains different API keys. Send one, in Authorization or in X-API-Key."

Headers = Mapping[bytes, bytes]


def presented_secret(headers: Headers) -> Secret:
    """Return the well-formed secret in the headers.

    Raise 401 if none was sent, if none has the form and checksum of a key, or if several different ones were sent.
    """
    texts = [text.decode("latin-1") for text in (*bearer_tokens(headers), *_own_header(headers))]
    secrets = {text: secret for text in texts if (secret := parse(text)) is not None}
    if len(secrets) > 1:
        # A proxy may have checked one of them while the other one counted.
        raise unauthorized("unauthorized", presented=True, detail=_DIFFERENT_KEYS)
    for secret in secrets.values():
        return secret
    raise unauthorized("unauthorized", presented=bool(texts))


def presents_key(headers: Headers) -> bool:
    """Return whether the caller tries to authenticate with a key, even with an invalid one.

    `X-API-Key` is specific to this service. `Authorization` counts only if it contains something similar to a key of
    this service; otherwise a proxy in front of the service has set it for its own purposes.
    """
    sent = [headers.get(b"authorization", b""), *bearer_tokens(headers)]
    return bool(_own_header(headers)) or any(looks_like_key(text.decode("latin-1")) for text in sent)


def bearer_tokens(headers: Headers) -> list[bytes]:
    """Return the bearer tokens in `Authorization`, which proxies may repeat or join with commas."""
    parts = [credential.split(None, 1) for credential in headers.get(b"authorization", b"").split(b",")]
    return [part[1].rstrip() for part in parts if len(part) == 2 and part[0].lower() == b"bearer"]  # noqa: PLR2004


def _own_header(headers: Headers) -> list[bytes]:
    return [text for part in headers.get(b"x-api-key", b"").split(b",") if (text := part.strip())]
