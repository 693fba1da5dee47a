"""Untrusted regular expressions, matched in linear time (RE2)."""

from functools import lru_cache
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]

_MEMORY_MAX = 1 << 20
_PATTERN_LENGTH_MAX = 2_000


def matches(pattern: object, text: str) -> bool | None:
    """Return whether `pattern` is found in `text`; None if RE2 does not support it, such as a look-ahead."""
    if not isinstance(pattern, str) or len(pattern) > _PATTERN_LENGTH_MAX:
        return None
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.search(text) is not None


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 -- RE2's type is private
    options = re2.Options()
    options.max_mem = _MEMORY_MAX
    options.log_errors = False
    try:
        return re2.compile(pattern, options)  # pyright: ignore[reportUnknownMemberType]
    except (re2.error, UnicodeError):  # pyright: ignore[reportUnknownMemberType]
        return None
