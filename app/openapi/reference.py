"""API reference for people: HTML without scripts or external resources, rendered once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from app.openapi.document import Object
from app.pages.rendering import render

_METHODS = ("get", "post", "put", "patch", "delete")
_DEPTH_MAX = 4


class Row(NamedTuple):
    """A field or parameter as a row of a table."""

    name: str
    kind: str
    required: bool
    about: str


class Reference(NamedTuple):
    """`content` is the part that follows the heading, in HTML. `info` is that of the document."""

    content: str
    info: Object


def reference_of(described: Object) -> Reference:
    """Return the reference for the whole document."""
    operations = list(_View(described).operations())
    sections = [(tag, [shown for shown in operations if shown["tag"] == tag["name"]]) for tag in described["tags"]]
    schemes = described["components"]["securitySchemes"]
    content = render("reference_content.html", info=described["info"], sections=sections, schemes=schemes)
    return Reference(content, described["info"])


class _View:
    def __init__(self, described: Object) -> None:
        self._described = described

    def operations(self) -> Iterator[Object]:
        for path, item in self._described["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield self._operation(path, method, item[method], item.get("parameters", []))

    def _operation(self, path: str, method: str, operation: Object, in_path: list[Object]) -> Object:
        answers = [(status, self._resolved(answer)) for status, answer in operation["responses"].items()]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        successes = [
            (status, answer) for status, answer in answers if "application/problem+json" not in answer["content"]
        ]
        return {
            "id": operation["operationId"],
            "tag": operation["tags"][0],
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "description": operation["description"],
            "parameters": [self._parameter(parameter) for parameter in in_path + operation.get("parameters", [])],
            "body": [] if body is None else list(self._rows(body["schema"])),
            "curl": _curl(method.upper(), path, operation, None if body is None else body["example"]),
            "answers": [self._answer(status, answer) for status, answer in successes],
            "errors": [
                (status, code)
                for status, answer in answers
                for code in answer["content"].get("application/problem+json", {}).get("examples", {})
            ],
        }

    def _parameter(self, given: Object) -> tuple[str, Row]:
        parameter = self._resolved(given)
        required = parameter.get("required", False)
        return parameter["in"], Row(
            parameter["name"], self._kind(parameter["schema"]), required, parameter["description"]
        )

    def _answer(self, status: str, answer: Object) -> Object:
        content = next(iter(answer["content"].values()))
        example = content.get("example")
        return {
            "status": status,
            "about": answer["description"],
            "media_types": list(answer["content"]),
            "headers": list(answer["headers"]),
            "rows": list(self._rows(content["schema"])),
            "example": None if example is None else _pretty(example),
        }

    def _rows(self, schema: Object, prefix: str = "", depth: int = 0) -> Iterator[Row]:
        """Yield the fields of an object, including those of nested objects, by dotted name."""
        for outer in _branches(self._resolved(schema)):
            inner = self._resolved(outer)
            if inner.get("type") == "array":
                yield from self._rows(inner["items"], prefix.rstrip(".") + "[].", depth)
            if isinstance(inner.get("additionalProperties"), dict):
                yield from self._rows(inner["additionalProperties"], f"{prefix}*.", depth + 1)
            if depth > _DEPTH_MAX:
                continue
            required = inner.get("required", ())
            for name, field in inner.get("properties", {}).items():
                about = field.get("description") or self._resolved(field).get("description", "")
                yield Row(prefix + name, self._kind(field), name in required, about)
                yield from self._rows(field, f"{prefix}{name}.", depth + 1)

    def _kind(self, schema: Object) -> str:
        """Return the type of a value in words."""
        resolved = self._resolved(schema)
        match resolved:
            case {"anyOf": branches}:
                return " or ".join(dict.fromkeys(self._kind(branch) for branch in branches))
            case {"enum": values}:
                return " | ".join(_plain(value) for value in values)
            case {"const": value}:
                return _plain(value)
            case {"type": "array", "items": items}:
                return f"list of {self._kind(items)}"
            case {"type": kind}:
                return f"{kind}{_bounds(resolved)}"
            case _:
                return "any"

    def _resolved(self, schema: Object) -> Object:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: Any = self._described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return found


def _branches(schema: Object) -> list[Object]:
    return [schema] if "properties" in schema else schema.get("anyOf", [schema])


def _bounds(schema: Object) -> str:
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    form = schema.get("format")
    parts = [] if form is None else [form]
    if low is not None and high is not None:
        parts.append(f"{low}–{high}")  # noqa: RUF001 -- the typographic form of a range
    elif high is not None:
        parts.append(f"at most {high}")
    elif low is not None:
        parts.append(f"at least {low}")
    return f" ({', '.join(parts)})" if parts else ""


def _curl(method: str, path: str, operation: Object, body: Any) -> str:  # noqa: ANN401 -- JSON
    lines = [f'curl "$KEYLEDGER_URL{path}"' if method == "GET" else f'curl -X {method} "$KEYLEDGER_URL{path}"']
    if {"bearer": []} in operation["security"]:
        lines.append('  -H "Authorization: Bearer $KEY"')
    if body is not None:
        lines.append('  -H "Content-Type: application/json"')
        lines.append(f"  -d '{_pretty(body)}'")
    return " \\\n".join(lines)


def _pretty(value: Any) -> str:  # noqa: ANN401 -- JSON
    return value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _plain(value: object) -> str:
    return msgspec.json.encode(value).decode()
