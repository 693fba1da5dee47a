"""Finds the API key in a request: `Authorization: Bearer …` (RFC 6750) or `X-API-Key: …`."""

from collections.abc import Mapping

from app.problems import unauthorized
from domain.keys.secret import Secret, parse

_SCHEME = b"bearer "


def presented_secret(headers: Mapping[bytes, bytes]) -> Secret:
    """The well-formed secret in the headers. Raises 401: none sent, or one whose form or checksum is wrong."""
    authorization = headers.get(b"authorization")
    if authorization is not None and authorization[: len(_SCHEME)].lower() == _SCHEME:
        text = authorization[len(_SCHEME) :].strip()
    else:
        text = headers.get(b"x-api-key", b"").strip()
    if not text:
        raise unauthorized("unauthorized", presented=False)
    secret = parse(text.decode("latin-1"))
    if secret is None:
        raise unauthorized("unauthorized", presented=True)
    return secret
