"""Rules for the request targets and methods that name a route.

A path must be written as documented. A trailing slash, an empty segment, a dot segment or an encoded slash is a 404.
Other characters may be percent-encoded without a change in meaning (RFC 3986 §6.2.2.2). Every path that supports GET
supports HEAD. Any other method on an existing path is a 405 with the supported methods in `Allow`, except on a route
with `any_method`.
"""

from collections.abc import Iterable
from typing import Any


def is_written_as_a_route(scope: Any) -> bool:  # noqa: ANN401 -- ASGI's scope is an open dictionary
    """Return whether the path has the form of a route; a matching route may still not exist."""
    if b"%2f" in scope["raw_path"].lower():
        return False
    path: str = scope["path"]
    if path == "/":
        return True
    segments = path.split("/")
    return segments[0] == "" and not any(segment in {"", ".", ".."} for segment in segments[1:])


def allowed(methods: Iterable[str]) -> str:
    """Return the value of `Allow` for a path with these methods."""
    known = {*methods} - {"OPTIONS", ""}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))
