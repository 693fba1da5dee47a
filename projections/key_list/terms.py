"""What keys are found by, as text: the words of `key_terms.term` and the facets of `key_counts`.

A search finds a key by what one of the words of its name begins with, or by what its prefix begins with, in large or
small letters. A word begins at the beginning of the name and wherever a letter or digit follows something else.
"""

from collections.abc import Iterator

EVERY_MCP = "mcp:*"

_MARK = "\x1f"
_LAST = "\U0010ffff"


def terms_of(name: str, prefix: str) -> set[str]:
    """The beginnings that a key of this name and prefix is found by."""
    lowered = name.lower()
    return {f"q:{prefix.lower()}", *(f"q:{lowered[start:]}" for start in _word_starts(lowered))}


def sought(q: str) -> tuple[str, str]:
    """The first and the last term of those that `q` finds."""
    return f"q:{q.lower()}", f"q:{q.lower()}{_LAST}"


def marked(text: str) -> str:
    """In small letters, with a mark where each word begins: what `q` finds holds the whole of `marked(q)`."""
    lowered = text.lower()
    starts = set(_word_starts(lowered))
    return "".join([f"{_MARK}{letter}" if at in starts else letter for at, letter in enumerate(lowered)])


def listing(mcp_id: str) -> str:
    """Keys that list this MCP; see `EVERY_MCP` for those that reach all."""
    return f"mcp:{mcp_id}"


def created_by(creator_id: str) -> str:
    return f"by:{creator_id}"


def _word_starts(text: str) -> Iterator[int]:
    for at, letter in enumerate(text):
        if at == 0 or (letter.isalnum() and not text[at - 1].isalnum()):
            yield at
