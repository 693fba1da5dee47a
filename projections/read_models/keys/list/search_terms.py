"""Search terms of keys as text: the words of `key_terms.term` and the facets of `key_counts`.

A search finds a key by the start of a word of its name, or by the start of its prefix. Letters that read alike are
equal: upper and lower case, `ß` and `SS`, `İ` and `i`, composed and decomposed, full and half width (Unicode NFKC and
case folding). A word starts at the start of the name and wherever a letter or digit follows something else. In scripts
without spaces, such as Japanese, Chinese and Thai, every letter starts a word.

When a change here affects the terms of a name, increase `revision` in `model.py`.
"""

from bisect import bisect_right
from collections.abc import Iterator
from unicodedata import normalize

EVERY_MCP = "mcp:*"

_MARK = "\x1f"
_LAST = "\U0010ffff"
_DOTTED_I = "i\u0307"
"""The folded form of the Turkish capital `İ`. Its lowercase letter is `i`, which has a dot already."""
_FOLDED_LENGTH_MAX = 300
"""The maximum length of a term. One character may unfold to eighteen.

With marks, this is at most half of the maximum size of an index entry.
"""

_UNSEGMENTED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # iteration mark, closing mark and zero of Han
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # Bopomofo and Katakana, extended
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7A3),  # Hangul, whose words are compounds
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x1AFF0, 0x1B16F),  # Kana, extended
    (0x20000, 0x3FFFF),  # Han, further extensions
)
"""Code points of scripts whose words have no visible boundary (Unicode UAX #29 leaves these to dictionaries)."""

_FIRSTS = [first for first, _ in _UNSEGMENTED]


def folded(text: str) -> str:
    """Return `text` in the form that is compared: folded, with single spaces between words and none around them."""
    unfolded = normalize("NFKC", normalize("NFKC", text).casefold()).replace(_DOTTED_I, "i")
    return " ".join(unfolded.split())[:_FOLDED_LENGTH_MAX]


def terms_of(name: str, prefix: str) -> set[str]:
    """Return the terms by which a search finds a key with this name and prefix, which an imported key may lack."""
    text = folded(name)
    prefixes = {f"q:{folded(prefix)}"} if prefix else set[str]()
    return {*prefixes, *(f"q:{text[start:]}" for start in _word_starts(text))}


def term_range(q: str) -> tuple[str, str]:
    """Return the first and the last of the terms that `q` finds."""
    first = f"q:{folded(q)}"
    return first, first + _LAST


def word_marked(text: str) -> str:
    """Return `text` folded, with a mark at the start of each word. A name that `q` finds contains `word_marked(q)`."""
    text = folded(text)
    starts = set(_word_starts(text))
    return "".join([f"{_MARK}{letter}" if at in starts else letter for at, letter in enumerate(text)])


def mcp_term(mcp_id: str) -> str:
    """Return the term of keys that list this MCP server. Keys that reach all servers have `EVERY_MCP`."""
    return f"mcp:{mcp_id}"


def open_grant_term(grant: str) -> str:
    """Return the term of keys with this management grant that any IP address may use."""
    return f"open:{grant}"


def created_by(creator_id: str) -> str:
    return f"by:{creator_id}"


def person_range(user_id: str | None) -> tuple[str, str]:
    """Return the first and the last facet of keys that this user created, or any user if it is None."""
    if user_id is not None:
        return created_by(user_id), created_by(user_id)
    return created_by("user_"), created_by(f"user_{_LAST}")


def _word_starts(text: str) -> Iterator[int]:
    for at, letter in enumerate(text):
        if at == 0 or (letter.isalnum() and _ends_word(text[at - 1], letter)):
            yield at


def _ends_word(before: str, letter: str) -> bool:
    return not before.isalnum() or _is_unsegmented(letter) or _is_unsegmented(before)


def _is_unsegmented(letter: str) -> bool:
    if letter.isascii():
        return False
    at = bisect_right(_FIRSTS, ord(letter)) - 1
    return at >= 0 and ord(letter) <= _UNSEGMENTED[at][1]
