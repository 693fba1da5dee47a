"""Explaining a refusal: which argument does not fit the tool's input schema.

Servers say "invalid arguments" in many ways, some of them as a failed result. So when a call failed, the arguments are
compared with the schema that the server itself lists. Deliberately not a whole JSON Schema validator: the schema comes
from outside, and its patterns and references could keep one busy for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def misfits(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with which argument: missing, unknown, or of another type. Empty when none of that is."""
    found: dict[str, str] = {}
    required = schema.get("required")
    if isinstance(required, list):
        for name in cast("list[Any]", required):
            if isinstance(name, str) and name not in arguments:
                found[name] = "Is required"
    properties = schema.get("properties")
    known = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    for name, value in arguments.items():
        if name not in known:
            if schema.get("additionalProperties") is False:
                found[name] = "Is not an argument of this tool"
        elif (expected := _types_of(known[name])) and not any(_TYPES[kind](value) for kind in expected):
            found[name] = "Must be of type " + " or ".join(expected)
    return found


def _types_of(schema: object) -> list[str]:
    """Return the JSON types that a property's schema names; empty when it leaves them open or words them otherwise."""
    if not isinstance(schema, dict):
        return []
    kind = cast("dict[str, Any]", schema).get("type")
    kinds = cast("list[Any]", kind) if isinstance(kind, list) else [kind]
    names = [each for each in kinds if isinstance(each, str) and each in _TYPES]
    return names if len(names) == len(kinds) else []
