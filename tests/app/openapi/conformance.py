"""A check of responses against the OpenAPI document that also refuses undocumented fields."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from jsonschema_rs import Draft202012Validator

from app.openapi.document import document
from app.routes import ROUTES

DOCUMENT = document(ROUTES)


def refuse_undescribed(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:  # noqa: ANN401 -- JSON
    """Fail unless the document describes the response for its operation. Ignore paths that are not in the document."""
    template = _template_of(path)
    if template is None or method.lower() not in DOCUMENT["paths"][template]:
        return
    responses = DOCUMENT["paths"][template][method.lower()]["responses"]
    assert str(status) in responses, f"{method} {template} answered {status}, which is not described: {body}"
    described = resolved(responses[str(status)])
    content_type = headers["content-type"]
    assert content_type in described["content"], f"{method} {template} {status} answered with {content_type}"
    for name, header in described["headers"].items():
        assert name in headers or not resolved(header).get("required"), f"{method} {template} {status} lacks {name}"
    if content_type.endswith("json"):
        errors = [
            error.message for error in _validator(template, method.lower(), status, content_type).iter_errors(body)
        ]
        assert errors == [], f"{method} {template} {status}: {errors[:5]}\n{body}"


def resolved(described: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return the target of a reference, or the value itself if it is not a reference."""
    found = described
    while "$ref" in found:
        parts = found["$ref"].removeprefix("#/").split("/")
        found = DOCUMENT
        for part in parts:
            found = found[part]
    return found


def validator_of(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": {"schemas": _closed_schemas()}}, validate_formats=True)


@cache
def _validator(template: str, method: str, status: int, content_type: str) -> Draft202012Validator:
    response = resolved(DOCUMENT["paths"][template][method]["responses"][str(status)])
    return validator_of(response["content"][content_type]["schema"])


@cache
def _closed_schemas() -> dict[str, Any]:
    return {name: _closed(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}


def _closed(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return the schema without additional properties in every object that has named fields."""
    if isinstance(value, list):
        return [_closed(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    schema = {name: _closed(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if schema.get("type") == "object" and "properties" in schema and schema["title"] != "OpenApi":
        schema.setdefault("additionalProperties", False)
    return schema


@cache
def _template_of(path: str) -> str | None:
    """Return the path in the document that matches a request path. Paths without parameters take precedence."""
    plain = path.partition("?")[0]
    if plain in DOCUMENT["paths"]:
        return plain
    for template in DOCUMENT["paths"]:
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), plain):
            return str(template)
    return None
