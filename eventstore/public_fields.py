"""What of an event leaves the log: for the audit log's readers, and for webhooks."""

from typing import Any

import msgspec

_WRITTEN_BY_PEOPLE = "metadata"


def public_fields(event: object) -> dict[str, Any]:
    """The fields of an event as JSON values. What could serve to recognise a secret is left out."""
    data = msgspec.to_builtins(event)
    del data["type"]
    fields: dict[str, Any] = _without_digests(data)
    return fields


def _without_digests(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """A digest in the log proves a secret to whoever holds it, and nobody reads it with profit but an attacker."""
    match value:
        case dict():
            return {
                name: inner if name == _WRITTEN_BY_PEOPLE else _without_digests(inner)
                for name, inner in value.items()  # pyright: ignore[reportUnknownVariableType]
                if not str(name).endswith("digest")  # pyright: ignore[reportUnknownArgumentType]
            }
        case list() | tuple():
            return [_without_digests(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
