"""Which request targets and methods name a route: one rule for all of them.

A path is written as in the documentation. A trailing slash, an empty segment, a dot segment and an encoded slash name
nothing: 404. Other characters may be percent-encoded, which means the same (RFC 3986 §6.2.2.2). Where GET is answered,
HEAD is too. Any other method of a path that exists is 405, with the methods that are answered in `Allow`.
"""

from collections.abc import Iterable
from typing import Any


def is_written_as_a_route(scope: Any) -> bool:  # noqa: ANN401 -- ASGI's scope is an open dictionary
    """Whether the path can name a route; not whether one has it."""
    if b"%2f" in scope["raw_path"].lower():
        return False
    path: str = scope["path"]
    if path == "/":
        return True
    segments = path.split("/")
    return segments[0] == "" and not any(segment in {"", ".", ".."} for segment in segments[1:])


def allowed(methods: Iterable[str]) -> str:
    """The value of `Allow` for a path with these methods."""
    known = {*methods} - {"OPTIONS", ""}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))
