"""The secret of a key: its format, its checksum and its digest.

`pk_live_` or `pk_test_`, 26 random base62 characters (154 bits), and 6 base62 characters of the CRC32 of everything
before them. The checksum lets a scanner or a server refuse a mistyped key without a look-up. Only the SHA-256 is
stored: 154 random bits need no slower hash (NIST SP 800-63B §5.1.2.2 requires salts below 112 bits).

An imported key keeps the secret that another system gave it: a foreign secret, which has any format and no checksum.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, Literal, NoReturn
from zlib import crc32

from msgspec import Struct

from domain.environment import Environment

ENTROPY_BYTES: Final = 32
"""Random bytes that `generate` needs: far more than 154 bits, so that the reduction to base62 has no bias."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE62_SET = frozenset(_BASE62)
_PAIRS = tuple(high + low for high in _BASE62 for low in _BASE62)
_PAIR = len(_PAIRS)
_LABELS: dict[Environment, str] = {"live": "pk_live_", "test": "pk_test_"}
_LABEL_LENGTH = 8
_RANDOM_LENGTH = 26
_CHECKSUM_LENGTH = 6
_LENGTH = _LABEL_LENGTH + _RANDOM_LENGTH + _CHECKSUM_LENGTH
_PREFIX_LENGTH = _LABEL_LENGTH + 4
_FOREIGN = re.compile(r"[!-+\--~]{16,255}")
"""Printable ASCII without the comma, at which headers with several values are split."""
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{43}=?")
_BASE64_LENGTH = 43
_TO_BASE64URL = str.maketrans("+/", "-_")
_MARK = "pk_"
_PASTED = re.compile(r"pk_(?:live|test)_\w*", re.ASCII)


def _spelled(text: str) -> str:
    """Return a pattern for `text` in which any character may be percent-encoded any number of times (RFC 3986 §2.1)."""
    return "".join([rf"(?:{letter}|%(?:25)*(?i:{ord(letter):02x}))" for letter in text])


_BASE62_SPELLED = r"(?:[0-9A-Za-z]|%(?:25)*(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]))"
SOMEWHERE = re.compile(
    f"({_spelled('pk_')}(?:{_spelled('live')}|{_spelled('test')}){_spelled('_')}{_BASE62_SPELLED}{{4}})"
    f"{_BASE62_SPELLED}{{28,}}"
)
"""Text with the form of a key, in any text and in any spelling of an address. The group may be shown."""
MARKS = (_MARK, "%")
"""Every match of `SOMEWHERE` contains one of these. Searching for a fixed text takes a hundredth of the time."""
_OTHER_SECRETS = re.compile(
    r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=25[0-9A-Fa-f]{2}))"
    f"({'|'.join(map(_spelled, ('ks_', 'kl_', 'ki_', 'whsec_')))})"
    r"(?:[0-9A-Za-z+/_-]|%(?:25)*[0-9A-Fa-f]{2}){42,}=?"
)
"""Secrets of sessions, sign-in links, invitations and webhooks. People never type them, so they are only redacted. They
may follow directly on other text, such as `session_` or a percent-encoded character.
"""


class Secret:
    """A secret in plain text. No repr, log line, traceback or job shows it; `reveal` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not stored: it can be neither pickled nor copied.")


class ForeignSecret(Secret):
    """A secret in the format of another system, which may belong to an imported key."""

    __slots__ = ()


class SecretRecord(Struct, frozen=True):
    """The stored record of a secret: enough to recognize the secret, not enough to use it.

    `digest` is the SHA-256 of the whole secret in hexadecimal. `prefix` and `last4` are empty if an import did not
    contain them.
    """

    digest: str
    prefix: str
    last4: str


def generate(environment: Environment, entropy: bytes) -> Secret:
    """Return a new secret from `ENTROPY_BYTES` random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} random bytes are needed, not {len(entropy)}")
    body = _LABELS[environment] + _base62(int.from_bytes(entropy, "big"), _RANDOM_LENGTH)
    return Secret(body + _checksum(body))


def parse(text: str) -> Secret | None:
    """Return the secret in `text`, or None if its form or checksum is wrong, which needs no database look-up."""
    if not _has_own_form(text):
        return None
    body = text[:-_CHECKSUM_LENGTH]
    return Secret(text) if text[-_CHECKSUM_LENGTH:] == _checksum(body) else None


def parse_foreign(text: str) -> ForeignSecret | None:
    """Return the secret in `text` if it may be that of an imported key, which only a look-up can tell.

    A text in the own format with a wrong checksum is a mistyped key and not looked up.
    """
    return None if _FOREIGN.fullmatch(text) is None or _has_own_form(text) else ForeignSecret(text)


def digests_of_words(texts: Iterable[str]) -> frozenset[bytes]:
    """Return the digests of all words that can be the secret of an imported key."""
    words = {word for text in texts for word in text.split()}
    return frozenset(digest(secret) for word in words if (secret := parse_foreign(word)) is not None)


def _has_own_form(text: str) -> bool:
    """Return whether `text` has the form of a secret that `generate` returns, with any checksum."""
    if len(text) != _LENGTH or text[:_LABEL_LENGTH] not in _LABELS.values():
        return False
    return _BASE62_SET.issuperset(text[_LABEL_LENGTH:])


def pasted(text: str) -> str:
    """Return the first part of `text` that begins like a key, without the header, setting or quotes around it.

    Empty if no part does. `static/identify.js` follows the same rule.
    """
    found = _PASTED.search(text)
    return "" if found is None else found[0]


def prefix_of(text: str) -> str:
    """Return the first characters of a key, which may be shown and searched for."""
    return text[:_PREFIX_LENGTH]


Flaw = Literal["other", "incomplete", "long", "mistyped"]
"""Reasons why a text is no key: it begins differently, lacks characters, has more, or has a wrong one."""


def flaw_of(text: str) -> Flaw | None:
    """Return what is wrong with a text that a person entered as a key, or None if `parse` returns its secret."""
    if text[:_LABEL_LENGTH] not in _LABELS.values():
        return "other"
    if len(text) != _LENGTH:
        return "incomplete" if len(text) < _LENGTH else "long"
    return "mistyped" if parse(text) is None else None


def looks_like_key(text: str) -> bool:
    """Return whether `text` was meant as a key, well formed or not."""
    return text.startswith(_MARK) or contains_secret(text)


def contains_secret(text: str) -> bool:
    """Return whether `text` contains anything in the form of a secret, with any checksum, percent-encoded or not."""
    return any(mark in text for mark in MARKS) and SOMEWHERE.search(text) is not None


def redact(text: str) -> str:
    """Return `text` with each secret cut to its prefix, because the log is permanent."""
    return SOMEWHERE.sub(r"\1…", text) if any(mark in text for mark in MARKS) else text


def redacted(value: Any) -> Any:  # noqa: ANN401 -- any value that an error quotes
    """Return `value` without any secret in its texts and field names, so that it can be shown to a caller."""
    match value:
        case str():
            return _OTHER_SECRETS.sub(r"\1…", redact(value))
        case Mapping():
            return {redacted(name): redacted(each) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple() | set() | frozenset():
            return [redacted(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def fingerprint(secret: Secret) -> SecretRecord:
    text = secret.reveal()
    return SecretRecord(digest=digest(secret).hex(), prefix=prefix_of(text), last4=text[-4:])


def digest(secret: Secret) -> bytes:
    """Return the SHA-256 of the secret: 32 bytes, the only form in which it is looked up."""
    return sha256(secret.reveal().encode("ascii")).digest()


def parse_digest(text: str) -> bytes | None:
    """Return the digest in `text`: hexadecimal, base64 or base64url with or without padding. None: it is none."""
    if _HEXADECIMAL.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        return None
    found = urlsafe_b64decode(f"{text[:_BASE64_LENGTH]}=".translate(_TO_BASE64URL))
    # The last character has two bits more than needed. A text in which they are set is spelled by no encoder.
    canonical = urlsafe_b64encode(found).decode()[:_BASE64_LENGTH]
    return found if canonical == text[:_BASE64_LENGTH].translate(_TO_BASE64URL) else None


def _checksum(body: str) -> str:
    """Return the CRC32 in six characters, computed two at a time, because this runs for every presented key."""
    rest, low = divmod(crc32(body.encode("ascii")), _PAIR)
    high, middle = divmod(rest, _PAIR)
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def _base62(number: int, length: int) -> str:
    characters: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        characters.append(_BASE62[digit])
    return "".join(reversed(characters))
