"""JSON schemas of the Structs in requests and responses, each defined once under its own name.

msgspec derives the schemas, so the document cannot contradict the types in the code.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
_ABOUT = frozenset({"description", "examples", "default", "title", "deprecated", "readOnly", "writeOnly"})
"""Keywords that describe a field. All others restrict its values and do not apply to null."""


class Schemas:
    """Collects `components.schemas`."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:  # noqa: ANN401 -- any type
        """Return the schema of `kind`; for a Struct, a reference to its schema."""
        (top,), components = msgspec.json.schema_components([kind], ref_template=_PREFIX + "{name}")
        for name, schema in components.items():
            self._put(name, schema)
        return top

    def of_body(self, body: type[msgspec.Struct], name: str, whole: Mapping[str, object]) -> Schema:
        """Return a reference to the schema of a body under the name `name`, because all routes call theirs Body.

        `whole`: keywords for the body as a whole.
        """
        _, components = msgspec.json.schema_components([body], ref_template=_PREFIX + "{name}")
        own = components.pop(body.__name__)
        self._put(name, {**own, "title": name, **whole})
        for component, schema in components.items():
            self._put(component, schema)
        return {"$ref": _PREFIX + name}

    def _put(self, name: str, schema: Schema) -> None:
        described = _tidy(schema)
        if self.components.setdefault(name, described) != described:
            raise LookupError(f"Two types are called {name} in the document")


def properties_of(kind: type[msgspec.Struct]) -> tuple[dict[str, Schema], frozenset[str]]:
    """Return the schemas of a query's fields and the names of the required ones."""
    _, components = msgspec.json.schema_components([kind])
    schema: Schema = _tidy(components[kind.__name__])
    properties = {name: _without_null(prop) for name, prop in schema["properties"].items()}
    return properties, frozenset(schema.get("required", ()))


def _without_null(schema: Schema) -> Schema:
    """Return the schema without null: a query parameter is present or absent, but never null."""
    branches = _branches_without_null(schema)
    if len(branches) != 1:
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return {**branches[0], **rest}


def _tidy(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return the schema without meaningless defaults: null, and values that a Struct omits when it is encoded."""
    if isinstance(value, list):
        return [_tidy(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    tidied = {name: _tidy(inner) for name, inner in cast("Schema", value).items()}
    if "default" in tidied and (tidied["default"] is None or "$ref" in tidied):
        del tidied["default"]
    if tidied.get("required") == [] and tidied.get("type") == "object":
        del tidied["required"]
    return _hoisted(tidied)


def _hoisted(schema: Schema) -> Schema:
    """Return the schema of `T | None` with what describes T at the top, where readers look for it."""
    branches = _branches_without_null(schema)
    if len(branches) != 1 or len(schema["anyOf"]) == 1:
        return schema
    about = {keyword: value for keyword, value in branches[0].items() if keyword in _ABOUT}
    kept = {keyword: value for keyword, value in branches[0].items() if keyword not in _ABOUT}
    return {**schema, "anyOf": [kept, {"type": "null"}], **about} if about else schema


def _branches_without_null(schema: Schema) -> list[Schema]:
    return [branch for branch in schema.get("anyOf", []) if branch != {"type": "null"}]
