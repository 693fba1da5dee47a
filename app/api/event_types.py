"""The names of events as filters take them: one that no event has is a mistake, and not an empty list."""

from collections.abc import Collection

from app.http.errors import invalid


def require_known(given: str | None, known: Collection[str]) -> None:
    """422, which says what there is, unless `given` is one of `known` or absent."""
    if given is not None and given not in known:
        raise invalid(type=f"Must be one of {', '.join(known)}")
