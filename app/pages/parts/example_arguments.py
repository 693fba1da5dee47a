"""Example arguments of a tool, from the JSON Schema of its input.

The schema comes from an MCP server, so it may be anything. The example is limited in depth and in the number of its
values, because a schema can refer to itself. What cannot be read becomes a text.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

_SCHEMA_BYTES_MAX = 64 * 1024
_VALUES_MAX = 40
_DEPTH_MAX = 6
_ITEMS_MAX = 20
"""Members of a list in the schema that are looked at."""

_REFERENCE_LENGTH_MAX = 200
_LENGTH_MAX = 1_000
"""Characters of the arguments as JSON. Longer ones are no help in a snippet."""

_TEXT = "text"
_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
}
"""Examples of the formats of JSON Schema (Draft 2020-12 §7.3)."""

Schema = Mapping[str, Any]


class _TooLarge(Exception):
    """The example has more values than a snippet can show."""


def example_arguments(encoded: bytes) -> dict[str, Any]:
    """Return a value for each required argument of the schema. It is empty if none is required.

    It is also empty if the schema cannot be read, or if the example would be too long.
    """
    if len(encoded) > _SCHEMA_BYTES_MAX:
        return {}
    try:
        schema = _mapping(msgspec.json.decode(encoded))
        arguments = _Example(schema).members(schema, 0)
        return arguments if len(json.dumps(arguments)) <= _LENGTH_MAX else {}
    except (msgspec.DecodeError, RecursionError, _TooLarge):
        return {}


class _Example:
    """The values of one example. `_left` is how many more it may have."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _VALUES_MAX

    def members(self, schema: Schema, depth: int) -> dict[str, Any]:
        """Return the required members of an object."""
        schema = self._resolved(schema)
        properties = _mapping(schema.get("properties"))
        names = [name for name in _items(schema, "required") if isinstance(name, str)]
        return {name: self._value(_mapping(properties.get(name)), depth + 1) for name in names}

    def _value(self, schema: Schema, depth: int) -> Any:  # noqa: ANN401 -- any JSON value
        """Return what the schema names as a value, or else an example of its type."""
        self._left -= 1
        if self._left < 0 or depth > _DEPTH_MAX:
            raise _TooLarge
        schema = self._resolved(schema)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("examples", "enum"):
            if values := _items(schema, name):
                return values[0]
        for name in ("anyOf", "oneOf", "allOf"):
            if forms := [_mapping(form) for form in _items(schema, name)]:
                form = next((form for form in forms if form.get("type") != "null"), forms[0])
                return self._value(form, depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Schema, depth: int) -> Any:  # noqa: ANN401 -- any JSON value
        match _type(schema):
            case "object":
                return self.members(schema, depth)
            case "array":
                return [self._value(_mapping(schema.get("items")), depth + 1)]
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _TEXTS.get(str(schema.get("format")), _TEXT)

    def _resolved(self, schema: Schema) -> Schema:
        """Return the schema to which a reference into the same document leads, or an empty one."""
        for _ in range(_DEPTH_MAX):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                return schema
            is_read = reference.startswith("#") and len(reference) <= _REFERENCE_LENGTH_MAX
            schema = self._root if is_read else {}
            for step in reference[:_REFERENCE_LENGTH_MAX].split("/")[1:]:
                schema = _mapping(schema.get(step.replace("~1", "/").replace("~0", "~")))
        return {}


def _type(schema: Schema) -> str:
    """Return the first type other than null. A schema with properties or items may leave its type out."""
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else [str(each) for each in _items(schema, "type")]
    implied = "object" if "properties" in schema else "array" if "items" in schema else ""
    return next((each for each in kinds if each != "null"), kinds[0] if kinds else implied)


def _number(schema: Schema) -> float:
    """Return 1, or the limit that is next to it."""
    low, high = (schema.get(name) for name in ("minimum", "maximum"))
    if isinstance(low, int | float) and low > 1:
        return low
    return high if isinstance(high, int | float) and high < 1 else 1


def _mapping(value: object) -> Schema:
    return cast("Schema", value) if isinstance(value, Mapping) else {}


def _items(schema: Schema, name: str) -> list[Any]:
    value = schema.get(name)
    return cast("list[Any]", value)[:_ITEMS_MAX] if isinstance(value, list) else []
