"""Keys in files and on standard input, as editors and shells of any system write them."""

import codecs
import re

from keyledger.cli.exit_codes import UsageError
from keyledger.secret import FORM, PREFIXES, Secret, flaw_of, may_be_imported

KEY = re.compile(rf"(?<![0-9A-Za-z]){FORM}(?![0-9A-Za-z])")
"""A key that is a whole word. A word that is longer is not cut to the length of a key."""

_ASSIGNMENT = re.compile(r"^(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*")
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
SIZE_MAX = 1_000_000


def key_in(content: bytes, place: str, *, may_be_of_another_system: bool = False) -> Secret:
    """Return the one key in `content`: alone, quoted, or in a line NAME=KEY, in UTF-8 or UTF-16 with a byte order mark.

    Raise UsageError if there is none, or more than one. `place` says in the message where that is.
    `may_be_of_another_system`: also accept what may be the secret of an imported key.
    """
    text = text_of_key(content, place)
    # With the prefix of this service, a text is more likely a key that was cut off.
    if may_be_of_another_system and may_be_imported(text) and not text.startswith(PREFIXES):
        return Secret(text)
    return _well_formed(text, place)


def text_of_key(content: bytes, place: str) -> str:
    """Return the one text in `content` that is a key, or that is in the place of one. It can be malformed or empty."""
    if len(content) > SIZE_MAX:
        raise UsageError(f"{place} is too large for a file with a key.")
    text = _decoded(content, place)
    found = sorted(set(KEY.findall(text)))
    if len(found) > 1:
        raise UsageError(f"{place} contains {len(found)} keys. Use one that contains only the key to use.")
    if found:
        return found[0]
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return _value(lines[0]) if lines else ""


def _decoded(content: bytes, place: str) -> str:
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UsageError(f"{place} is not a text file. Save it as UTF-8.") from None
    if "\0" in text:
        raise UsageError(f"{place} is not a text file, or has UTF-16 without a byte order mark. Save it as UTF-8.")
    return text


def _value(line: str) -> str:
    return _ASSIGNMENT.sub("", line).strip("\"'`")


def _well_formed(key: str, place: str) -> Secret:
    if not key:
        raise UsageError(f"{place} contains no key.")
    flaw = flaw_of(key)
    if flaw is not None:
        raise UsageError(f"{place} contains no whole key. {flaw.hint}")
    return Secret(key)
