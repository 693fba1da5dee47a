"""The fields of an event that may leave the log, for readers of the audit log and for webhooks."""

from typing import Any

import msgspec

_WRITTEN_BY_PEOPLE = "metadata"


def public_fields(event: object) -> dict[str, Any]:
    """Return the fields of an event as JSON values, without anything that could help to recognize a secret."""
    data = msgspec.to_builtins(event)
    del data["type"]
    fields: dict[str, Any] = _without_digests(data)
    return fields


def _without_digests(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return `value` without digests. A digest confirms a guessed secret, so it is useful only to an attacker."""
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
