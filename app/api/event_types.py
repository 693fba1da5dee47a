"""Validation of event types in filters: an unknown type is an error, not an empty list."""

from collections.abc import Collection

from app.http.errors import invalid


def require_known(given: str | None, known: Collection[str]) -> None:
    """Raise 422, listing the known types, if `given` is present and not one of them."""
    if given is not None and given not in known:
        raise invalid(type=f"Must be one of {', '.join(known)}")
