"""Finds names that an object of a JSON text has twice: which value counts depends on the reader (RFC 8259 §4)."""

import json
import re
from collections.abc import Iterable

_STRINGS = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"\s*(:?)', re.DOTALL)
"""Every string of a valid JSON text, and a colon if it is a name."""


def duplicate_names(body: bytes) -> list[str]:
    """Return the names, at any depth, as they read without escapes. Raises `ValueError` or `RecursionError`.

    `body` is valid JSON in UTF-8, or at least begins as such.
    """
    names = [name for name, colon in _STRINGS.findall(body) if colon]
    if len({*names}) == len(names) and not any(b"\\" in name for name in names):
        return []
    # Objects next to each other or in each other share names, and one name can be written in several ways.
    found: dict[str, None] = {}

    def note(pairs: Iterable[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found[name] = None
            seen.add(name)

    json.loads(body, object_pairs_hook=note, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)
    return list(found)


def _nothing(_text: str) -> None:
    """Numbers can have thousands of digits, and none of them is looked at."""
