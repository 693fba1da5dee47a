"""Detection of repeated names in a JSON object. Which value counts depends on the reader (RFC 8259 §4)."""

import json
import re
from collections.abc import Iterable

_STRINGS = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"\s*(:?)', re.DOTALL)
"""Matches every string of a valid JSON text, and a colon if the string is a name."""


def duplicate_names(body: bytes) -> list[str]:
    """Return the repeated names at any depth, unescaped. Raise `ValueError` or `RecursionError`.

    `body` is valid JSON in UTF-8, or at least starts as such.
    """
    names = [name for name, colon in _STRINGS.findall(body) if colon]
    if len({*names}) == len(names) and not any(b"\\" in name for name in names):
        return []
    # Several objects can use the same name, and one name can be escaped in several ways, so only a parser can decide.
    found: dict[str, None] = {}

    def note(pairs: Iterable[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found[name] = None
            seen.add(name)

    json.loads(
        body,
        object_pairs_hook=note,
        parse_int=_ignore_number,
        parse_float=_ignore_number,
        parse_constant=_ignore_number,
    )
    return list(found)


def _ignore_number(_text: str) -> None:
    """Ignore a number: it can have thousands of digits, and its value is not needed."""
