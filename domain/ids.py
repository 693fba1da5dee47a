"""Identifiers: a prefix that names the kind and a UUIDv7 in 26 base32 characters (TypeID layout).

Source: TypeID specification 0.3; RFC 9562 §5.7 for UUIDv7. Time and entropy are arguments, so an id is a pure value.
"""

from collections.abc import Iterable
from typing import Literal, get_args

Kind = Literal["key", "org", "mcp", "user", "evt", "alert", "hook", "invite", "ses", "mail", "msg", "ident"]

KINDS: tuple[str, ...] = get_args(Kind)
ENTROPY_BYTES = 10
"""Random bytes that an id needs (80 bits, of which 74 are used)."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
COUNTED_MAX = len(_PAIRS)
_COUNTER_LENGTH = 2
_BODY_CHARACTERS = frozenset(_ALPHABET)
_BODY_LENGTH = 26
_TIME_LENGTH = 10


def new_id(kind: Kind, *, unix_ms: int, entropy: bytes) -> str:
    """Return an id of `kind` made at `unix_ms` (milliseconds since 1970) from `ENTROPY_BYTES` random bytes."""
    return f"{kind}_{_time_part(unix_ms)}{_random_part(entropy)}"


def new_ids(kind: Kind, *, unix_ms: int, entropies: Iterable[bytes]) -> list[str]:
    """Return one id of `kind` for each of `entropies`, made at `unix_ms`. The ids sort by the last 74 bits of these."""
    prefix = f"{kind}_{_time_part(unix_ms)}"
    return [prefix + _random_part(entropy) for entropy in entropies]


def counted_ids(kind: Kind, *, unix_ms: int, entropy: bytes, count: int) -> list[str]:
    """Return `count` ids of `kind` (at most `COUNTED_MAX`) made at `unix_ms`, which sort in the order returned.

    They share the first 64 bits of `entropy`, and their last 10 bits count from 0 (RFC 9562 §6.2, method 2). A caller
    that does not know one of the ids cannot guess any. A caller that knows one also knows the others, so an id
    must never grant access.
    """
    if count > COUNTED_MAX:
        raise ValueError(f"At most {COUNTED_MAX} ids can be counted, not {count}")
    shared = new_id(kind, unix_ms=unix_ms, entropy=entropy)[:-_COUNTER_LENGTH]
    return [shared + ending for ending in _PAIRS[:count]]


def is_id(kind: Kind, text: str) -> bool:
    """Return whether `text` has the form of an id of `kind`. The resource need not exist."""
    prefix, _, body = text.partition("_")
    return prefix == kind and len(body) == _BODY_LENGTH and body[0] <= "7" and _BODY_CHARACTERS.issuperset(body)


def unix_ms_of(valid_id: str) -> int:
    """Return when an id was made, in milliseconds since 1970."""
    value = 0
    for character in valid_id[-_BODY_LENGTH:][:_TIME_LENGTH]:
        value = value << 5 | _ALPHABET.index(character)
    return value


def _time_part(unix_ms: int) -> str:
    """Return ten characters (50 bits): the two bits by which 26 characters exceed a UUID, and 48 bits of time."""
    value = unix_ms & 0xFFFF_FFFF_FFFF
    return "".join([_PAIRS[(value >> shift) & 0x3FF] for shift in (40, 30, 20, 10, 0)])


def _random_part(entropy: bytes) -> str:
    """Return sixteen characters (80 bits): version and variant (RFC 9562 §5.7) and 74 random bits."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} random bytes are needed, not {len(entropy)}")
    random = int.from_bytes(entropy[:ENTROPY_BYTES], "big")
    value = 0x7 << 76 | ((random >> 62) & 0xFFF) << 64 | 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)
    return (
        _PAIRS[value >> 70]
        + _PAIRS[(value >> 60) & 0x3FF]
        + _PAIRS[(value >> 50) & 0x3FF]
        + _PAIRS[(value >> 40) & 0x3FF]
        + _PAIRS[(value >> 30) & 0x3FF]
        + _PAIRS[(value >> 20) & 0x3FF]
        + _PAIRS[(value >> 10) & 0x3FF]
        + _PAIRS[value & 0x3FF]
    )
