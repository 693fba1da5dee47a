"""What keys are found by, as text: the words of `key_terms.term` and the facets of `key_counts`.

A search finds a key by what one of the words of its name begins with, or by what its prefix begins with. Letters that
read alike are alike: large and small ones, `ß` and `SS`, `İ` and `i`, composed and decomposed ones, full and half width
(Unicode NFKC and case folding). A word begins at the beginning of the name and wherever a letter or digit follows
something else. In scripts that are written without spaces, such as Japanese, Chinese and Thai, every letter begins one.

When a change here affects what follows from a name, increase `revision` in `model.py`.
"""

from bisect import bisect_right
from collections.abc import Iterator
from unicodedata import normalize

EVERY_MCP = "mcp:*"

_MARK = "\x1f"
_LAST = "\U0010ffff"
_DOTTED_I = "i\u0307"
"""What becomes of the Turkish capital `İ`, whose small letter is `i` and has its dot already."""
_FOLDED_LENGTH_MAX = 300
"""A single character may unfold to eighteen. With marks this is at most half of what an entry of an index may have."""

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
    """Return `text` as it is compared: folded, with single blanks between words and none around them."""
    unfolded = normalize("NFKC", normalize("NFKC", text).casefold()).replace(_DOTTED_I, "i")
    return " ".join(unfolded.split())[:_FOLDED_LENGTH_MAX]


def terms_of(name: str, prefix: str) -> set[str]:
    """The beginnings that a key of this name and prefix is found by."""
    text = folded(name)
    return {f"q:{folded(prefix)}", *(f"q:{text[start:]}" for start in _word_starts(text))}


def term_range(q: str) -> tuple[str, str]:
    """The first and the last term of those that `q` finds."""
    first = f"q:{folded(q)}"
    return first, first + _LAST


def word_marked(text: str) -> str:
    """Folded, with a mark where each word begins: what `q` finds holds the whole of `marked(q)`."""
    text = folded(text)
    starts = set(_word_starts(text))
    return "".join([f"{_MARK}{letter}" if at in starts else letter for at, letter in enumerate(text)])


def mcp_term(mcp_id: str) -> str:
    """Keys that list this MCP; see `EVERY_MCP` for those that reach all."""
    return f"mcp:{mcp_id}"


def created_by(creator_id: str) -> str:
    return f"by:{creator_id}"


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
