"""Opaque, signed paging cursors: `base64url(HMAC-SHA256 | JSON)`.

The client can read the content of a cursor but cannot change it, so a cursor never widens a query. A cursor does not
expire, and only the list it was made for accepts it.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from infrastructure.key_derivation import derived_key, validate_master_keys

T = TypeVar("T", bound=msgspec.Struct)

_TAG_BYTES = 32
_CURSOR_MAX = 4096


class CursorInvalid(Exception):
    """The cursor was not made by this service for this list."""

    def __str__(self) -> str:
        return self.__doc__ or ""


class CursorSigner:
    """Encoder and decoder of cursors; safe for concurrent use by threads."""

    def __init__(self, master_keys: Sequence[bytes]) -> None:
        """Take `master_keys` of 32 bytes each. The first signs; all of them verify, so that a key can be replaced."""
        self._keys = [derived_key(key, "cursor") for key in validate_master_keys(master_keys)]

    def encode(self, payload: msgspec.Struct, *, purpose: str) -> str:
        """Return `payload` as a URL-safe string. `purpose` names the list: kind, organization and filters."""
        body = msgspec.json.encode(payload)
        return _text(_tag(self._keys[0], purpose, body) + body)

    def decode(self, cursor: str, payload_type: type[T], *, purpose: str) -> T:
        """Return the payload, or raise CursorInvalid."""
        try:
            if len(cursor) > _CURSOR_MAX:
                raise CursorInvalid
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            if _text(raw) != cursor:  # the decoder ignores some characters, and reads "+" as "-"
                raise CursorInvalid
            tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
            if not any(hmac.compare_digest(tag, _tag(key, purpose, body)) for key in self._keys):
                raise CursorInvalid
            return msgspec.json.decode(body, type=payload_type)
        except (ValueError, msgspec.MsgspecError):  # not base64, or from a release with another payload
            raise CursorInvalid from None

    def __repr__(self) -> str:
        return f"CursorSigner({len(self._keys)} master keys)"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _tag(key: bytes, purpose: str, body: bytes) -> bytes:
    written = purpose.encode()
    return hmac.digest(key, len(written).to_bytes(4, "big") + written + body, "sha256")
