"""A key in plain text that is protected from accidental display, and checks of its form that need no request.

`pk_live_` or `pk_test_`, 26 random base62 characters, 6 base62 characters of the CRC32 of everything before them.

The secret of an imported key has the format of the system that issued it. Only the service can recognize it.
"""

import re
from hashlib import sha256
from typing import Final, Literal, NoReturn, TypeAlias
from zlib import crc32

from msgspec import Struct

PREFIXES: Final = ("pk_live_", "pk_test_")
LENGTH: Final = 40
CHECKSUM_LENGTH: Final = 6
FORM: Final = rf"(?:{'|'.join(PREFIXES)})[0-9A-Za-z]{{{LENGTH - len(PREFIXES[0])}}}"
"""The form of a key with any checksum, as a regular expression."""

PREFIX_SHOWN: Final = 12
LAST_SHOWN: Final = 4
"""The numbers of first and last characters of a key that may be shown."""

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OWN_FORM = re.compile(FORM)
_AT_LEAST_OWN_FORM = re.compile(f"{FORM}[0-9A-Za-z]*")
_FOREIGN_FORM = re.compile(r"[!-+\--~]{16,255}")
"""Printable ASCII without the comma, at which headers with several values are split."""
_PREFIX_LENGTH = len(PREFIXES[0])
_RADIX = len(_BASE62)

Part: TypeAlias = Literal["empty", "extra_text", "prefix", "length", "alphabet", "checksum"]


class Secret:
    """A key in plain text. No repr, str, log line or traceback shows it; `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled or copied, because that would expose its text.")


class Flaw(Struct, frozen=True):
    """A flaw in the form of a key: the part that is wrong, and a sentence that does not quote the key."""

    part: Part
    hint: str


def revealed(key: str | Secret) -> str:
    return key.reveal() if isinstance(key, Secret) else key


def sha256_of(key: str | Secret) -> str:
    """Return the SHA-256 of a key in hexadecimal, by which the service can identify the key without receiving it."""
    return sha256(revealed(key).encode(errors="surrogatepass")).hexdigest()


def redacted(text: str) -> str:
    """Return the text with each key cut to its prefix, because logs keep what is printed."""
    return _AT_LEAST_OWN_FORM.sub(lambda found: f"{found[0][:PREFIX_SHOWN]}…", text)


def has_checksum(text: str) -> bool:
    """Return whether the last characters of a text in the form of a key are the checksum of the others."""
    return _checksum_of(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def may_be_imported(key: str | Secret) -> bool:
    """Return whether a text may be the secret of an imported key: 16 to 255 printable characters of any format.

    A text in the format of this service is not one. If its checksum is wrong, it was mistyped.
    """
    text = revealed(key)
    return _FOREIGN_FORM.fullmatch(text) is not None and _OWN_FORM.fullmatch(text) is None


def flaw_of(key: str | Secret) -> Flaw | None:
    """Return the first flaw in the form of a key, or None if the key is well formed.

    Nothing is sent anywhere. A well-formed key may still be unknown, revoked or expired.
    """
    text = revealed(key)
    if not text:
        return Flaw("empty", "The key is empty. Check that the variable that contains it is set.")
    extra_text = _extra_text(text)
    if extra_text is not None:
        return Flaw("extra_text", extra_text)
    return _prefix(text) or _length(text) or _alphabet(text) or _checksum(text)


def _extra_text(text: str) -> str | None:
    if text != text.strip():
        return "There is whitespace before or after the key. Remove it, for example a copied line end."
    if text[0] in "\"'`" or text[-1] in "\"'`":
        return "There are quotation marks around the key. Remove them."
    if text.lower().startswith("bearer "):
        return "The text begins with “Bearer ”, which belongs to the Authorization header. Remove it."
    return None


def _prefix(text: str) -> Flaw | None:
    if text.startswith(PREFIXES):
        return None
    if text.lower().startswith(PREFIXES):
        return Flaw("prefix", f"The prefix is {PREFIXES[0]} or {PREFIXES[1]} in lower case.")
    if text.startswith("pk_"):
        return Flaw("prefix", f"After pk_ comes live_ or test_: a key begins with {PREFIXES[0]} or {PREFIXES[1]}.")
    if text.startswith(("key_", "org_", "mcp_", "user_")):
        return Flaw("prefix", "This is an id, not a key. An id is not secret and gives no access.")
    imported = (
        " The secret of an imported key has another form, which cannot be checked." if may_be_imported(text) else ""
    )
    return Flaw("prefix", f"A key begins with {PREFIXES[0]} or {PREFIXES[1]}; this is something else.{imported}")


def _length(text: str) -> Flaw | None:
    missing = LENGTH - len(text)
    if missing == 0:
        return None
    if "…" in text or "..." in text:
        return Flaw(
            "length", "The key was shortened for display. The complete key was shown once, when it was created."
        )
    difference = f"{missing} too few, cut off while copying?" if missing > 0 else f"{-missing} too many, copied twice?"
    return Flaw("length", f"A key has {LENGTH} characters, this one has {len(text)}: {difference}")


def _alphabet(text: str) -> Flaw | None:
    positions = [position for position, character in enumerate(text, start=1) if character not in _BASE62]
    invalid = [position for position in positions if position > _PREFIX_LENGTH]
    if not invalid:
        return None
    listed = ", ".join(str(position) for position in invalid[:5])
    return Flaw("alphabet", f"Only letters and digits may follow the prefix. Check character {listed}.")


def _checksum(text: str) -> Flaw | None:
    body, given = text[:-CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    if has_checksum(text):
        return None
    other = (PREFIXES[0] if text.startswith(PREFIXES[1]) else PREFIXES[1]) + body[_PREFIX_LENGTH:]
    if _checksum_of(other) == given:
        return Flaw("checksum", f"The prefix was changed: this key was created as {other[:_PREFIX_LENGTH]}…")
    swapped = _swapped(body, given)
    if swapped is not None:
        return Flaw("checksum", f"Characters {swapped} and {swapped + 1} look swapped.")
    return Flaw(
        "checksum",
        "The last six characters do not match the rest: at least one character was mistyped or invented."
        " Often confused: 0 and O, 1, l and I.",
    )


def _swapped(body: str, given: str) -> int | None:
    """Return the position (from 1) of two neighboring characters that make the checksum correct if swapped."""
    text = body + given
    for position in range(_PREFIX_LENGTH, LENGTH - 1):
        corrected = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
        if corrected != text and _checksum_of(corrected[:-CHECKSUM_LENGTH]) == corrected[-CHECKSUM_LENGTH:]:
            return position + 1
    return None


def _checksum_of(body: str) -> str:
    rest = crc32(body.encode("utf-8"))
    characters: list[str] = []
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, _RADIX)
        characters.append(_BASE62[digit])
    return "".join(reversed(characters))
