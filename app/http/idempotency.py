"""Idempotency-Key header: the identity of a request that a client may repeat."""

from hashlib import sha256

from app.http.errors import invalid
from app.http.messages import RawRequest
from domain.fields import CONTAINS_API_KEY
from domain.secret import contains_secret
from eventstore.idempotency import IdempotentRequest

_LENGTH_MAX = 255

REPLAYED = {"Idempotency-Replayed": "true"}
"""Header of a replayed response."""


def idempotency_key(inbound: RawRequest, caller: str) -> IdempotentRequest | None:
    """Return the request's Idempotency-Key, if it has one. Raise 422 if it is malformed."""
    key = inbound.header("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= _LENGTH_MAX and key.isascii() and key.isprintable()):
        details = {"Idempotency-Key": f"Must be 1 to {_LENGTH_MAX} printable ASCII characters"}
        raise invalid(details)
    if contains_secret(key):
        raise invalid({"Idempotency-Key": CONTAINS_API_KEY})
    content = b"\n".join([inbound.method.encode(), inbound.path.encode(), inbound.query, inbound.body])
    return IdempotentRequest(caller, key, sha256(content).digest())
