"""JSON schemas of the Structs that the routes read and answer with, each once, under a name of its own.

msgspec derives them, so the document can not say another type than the code has. What types do not say is put in by
`fields`: descriptions, and what the domain demands beyond the type.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from app.openapi.fields import FIELDS
from app.openapi.operation import Body, Fields

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
_ABOUT = frozenset({"description", "examples", "default", "title", "deprecated", "readOnly", "writeOnly"})
"""Keywords that say something about a field; all others say what it may hold, which null has no part in."""


class Schemas:
    """Collects `components.schemas`."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:  # noqa: ANN401 -- any type
        """The schema of `kind`: of a Struct, a reference to it."""
        (top,), components = msgspec.json.schema_components([kind], ref_template=_PREFIX + "{name}")
        for name, schema in components.items():
            self._put(name, schema, {})
        return top

    def of_body(self, body: Body, name: str) -> Schema:
        """A reference to the schema of a body, which is called `name` here: all routes call theirs Body."""
        _, components = msgspec.json.schema_components([body.kind], ref_template=_PREFIX + "{name}")
        own = components.pop(body.kind.__name__)
        self._put(name, {**own, "title": name, **body.whole}, body.fields)
        for component, schema in components.items():
            self._put(component, schema, {})
        return {"$ref": _PREFIX + name}

    def _put(self, name: str, schema: Schema, fields: Fields) -> None:
        made = _with_fields(name, _tidy(schema), {**FIELDS.get(name, {}), **fields})
        if self.components.setdefault(name, made) != made:
            raise LookupError(f"Two types are called {name} in the document")


def properties_of(kind: type[msgspec.Struct], fields: Fields) -> tuple[dict[str, Schema], frozenset[str]]:
    """The fields of a query with their schemas, and the names of those that must be given."""
    _, components = msgspec.json.schema_components([kind])
    schema = _with_fields(kind.__name__, _tidy(components[kind.__name__]), fields)
    properties = {name: _without_null(prop) for name, prop in schema["properties"].items()}
    return properties, frozenset(schema.get("required", ()))


def _with_fields(name: str, schema: Schema, fields: Fields) -> Schema:
    properties: dict[str, Schema] = schema.get("properties", {})
    unknown = set(fields) - set(properties)
    if unknown:
        raise LookupError(f"{name} has no field {', '.join(sorted(unknown))}")
    described = {field: _put_in(prop, fields.get(field, {})) for field, prop in properties.items()}
    return {**schema, "properties": described} if properties else schema


def _put_in(schema: Schema, more: Mapping[str, Any]) -> Schema:
    about = {keyword: value for keyword, value in more.items() if keyword in _ABOUT}
    demands = {keyword: value for keyword, value in more.items() if keyword not in _ABOUT}
    if demands and "anyOf" in schema:
        branches = [branch if branch == {"type": "null"} else {**branch, **demands} for branch in schema["anyOf"]]
        return {**schema, "anyOf": branches, **about}
    return {**schema, **demands, **about}


def _without_null(schema: Schema) -> Schema:
    """A query parameter is there or not; it is never null."""
    branches = [branch for branch in schema.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) != 1:
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return {**branches[0], **rest}


def _tidy(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Without defaults that say nothing: null, and what a Struct leaves out when it is written."""
    if isinstance(value, list):
        return [_tidy(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    tidied = {name: _tidy(inner) for name, inner in cast("Schema", value).items()}
    if "default" in tidied and (tidied["default"] is None or "$ref" in tidied):
        del tidied["default"]
    if tidied.get("required") == [] and tidied.get("type") == "object":
        del tidied["required"]
    return tidied
