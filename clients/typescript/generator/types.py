"""TypeScript types of JSON schemas."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from clients.typescript.generator.comments import LINE_LENGTH_MAX, comment
from clients.typescript.generator.names import ALWAYS_PRESENT

Object = dict[str, Any]

_PREFIX = "#/components/schemas/"
_PASSWORD = "password"  # noqa: S105 -- a format of JSON Schema
_PLAIN = {"integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def interface_of(name: str, schema: Object, *, sent: bool) -> str:
    """Return the interface of an object. `sent`: it is part of requests, so its fields accept more types."""
    fields = fields_of(name, schema["properties"], schema.get("required", ()), sent=sent)
    return f"{comment(schema.get('description'))}export interface {name} {{\n{fields}}}\n"


def fields_of(owner: str, properties: Object, required: Iterable[str], *, sent: bool) -> str:
    lines: list[str] = []
    for name, schema in properties.items():
        kind = type_of(schema, sent=sent)
        if (owner, name) in ALWAYS_PRESENT:
            kind = kind.removesuffix(" | null")
        optional = "" if name in required else "?"
        # With `exactOptionalPropertyTypes`, callers can only pass a variable that may be undefined if the type says so.
        undefined = " | undefined" if optional and sent else ""
        lines.append(comment(schema.get("description"), "  ") + _field(f"{name}{optional}", f"{kind}{undefined}"))
    return "".join(lines)


def type_of(schema: Object, *, sent: bool) -> str:
    """Return the type of a value. In requests, secrets and dates may be text, and lists are not changed."""
    match schema:
        case {"$ref": reference}:
            return name_in(reference)
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": branches}:
            # A format next to `anyOf` is that of each text.
            kinds = [type_of({"format": schema.get("format"), **branch}, sent=sent) for branch in branches]
            return " | ".join(dict.fromkeys(part for kind in kinds for part in kind.split(" | ")))
        case {"type": "array" | "object"}:
            return _container(schema, sent=sent)
        case {"type": kind}:
            return _text(schema.get("format"), sent=sent) if kind == "string" else _PLAIN[kind]
        case _:
            raise ValueError(f"This schema has no type in TypeScript. Extend type_of: {schema}")


def _container(schema: Object, *, sent: bool) -> str:
    values = schema.get("items") or schema.get("additionalProperties")
    kind = type_of(values, sent=sent) if values else "unknown"
    if schema["type"] == "object":
        return f"Record<string, {kind}>"
    many = f"({kind})[]" if "|" in kind else f"{kind}[]"
    return f"readonly {many}" if sent else many


def _text(form: str | None, *, sent: bool) -> str:
    if form == _PASSWORD:
        return "string | Secret" if sent else "Secret"
    return "string | Date" if sent and form == "date-time" else "string"


def _field(name: str, kind: str) -> str:
    """Return the line of a field, or one line for each part of a union that is too long for one."""
    line = f"  {name}: {kind};\n"
    if len(line) <= LINE_LENGTH_MAX:
        return line
    before, opening, inner = kind.rpartition("(")
    union, closing, after = inner.rpartition(")") if opening else (inner, "", "")
    parts = "".join(f"\n    | {part}" for part in union.split(" | "))
    if not opening:
        return f"  {name}:{parts};\n"
    return f"  {name}: {before}({parts}\n  {closing}{after};\n"


def name_in(reference: str) -> str:
    return reference.removeprefix(_PREFIX)


def secrets_in(schema: Object) -> list[str]:
    """Return the fields that contain a secret."""
    return [name for name, field in schema["properties"].items() if field.get("format") == _PASSWORD]


def reachable(names: Iterable[str], schemas: Object) -> set[str]:
    """Return these schemas and all schemas that they refer to."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(schemas[name])
    return found


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 -- JSON
    """Yield the names of the schemas that are referred to anywhere in a part of the document."""
    match value:
        case {"$ref": str(reference)} if reference.startswith(_PREFIX):
            yield name_in(reference)
        case dict():
            for each in value.values():  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)
        case _:
            pass
