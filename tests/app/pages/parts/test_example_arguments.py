"""Example arguments of tools: valid for the schemas that servers have, and harmless for the others."""

import json
from typing import Any

import pytest

from app.pages.parts.example_arguments import example_arguments
from gateway.argument_errors import argument_errors

pytestmark = pytest.mark.anyio

ANY_OF = {"anyOf": [{"type": "null"}, {"type": "integer"}]}
NESTED = {
    "type": "object",
    "properties": {"filter": {"$ref": "#/$defs/filter"}, "limit": {"type": "integer"}},
    "required": ["filter"],
    "$defs": {
        "filter": {
            "type": "object",
            "properties": {
                "field": {"enum": ["name", "age"]},
                "values": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["field", "values"],
        }
    },
}


def required(**properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def example_of(schema: object) -> dict[str, Any]:
    return example_arguments(json.dumps(schema).encode())


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"page": {"type": "integer"}}}, {}),
        (required(title={"type": "string"}), {"title": "text"}),
        (required(numbers={"type": "array", "items": {"type": "number"}}), {"numbers": [1]}),
        (required(limit={"type": "integer", "minimum": 10}), {"limit": 10}),
        (required(offset={"type": "integer", "maximum": 0}), {"offset": 0}),
        (required(day={"type": "string", "format": "date"}), {"day": "2026-01-31"}),
        (required(sort={"enum": ["newest", "oldest"]}), {"sort": "newest"}),
        (required(kind={"const": "page"}, size={"type": "integer", "default": 20}), {"kind": "page", "size": 20}),
        (required(city={"type": "string", "examples": ["Oslo"]}), {"city": "Oslo"}),
        (required(is_draft={"type": "boolean"}), {"is_draft": True}),
        (required(parent={"type": ["null", "string"]}), {"parent": "text"}),
        (required(count=ANY_OF), {"count": 1}),
        (required(nothing={"type": "null"}), {"nothing": None}),
        (NESTED, {"filter": {"field": "name", "values": [1]}}),
    ],
)
async def test_required_arguments_have_values_that_the_schema_accepts(schema: object, expected: dict[str, Any]) -> None:
    arguments = example_of(schema)
    assert arguments == expected
    assert await argument_errors(json.dumps(schema).encode(), arguments) == {}


@pytest.mark.parametrize(
    "encoded",
    [
        b"[]",
        b"true",
        b"{",
        b'{"required": "title", "properties": []}',
        b'{"required": [1, null], "properties": {"1": {}}}',
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        json.dumps(required(text={"default": "x" * 1_000})).encode(),
        json.dumps(required(text={"default": "x" * 70_000})).encode(),
    ],
    ids=["a list", "a boolean", "no JSON", "no lists", "no names", "too deep", "a long default", "too long"],
)
def test_a_schema_without_an_example_that_fits_has_no_arguments(encoded: bytes) -> None:
    assert example_arguments(encoded) == {}


@pytest.mark.parametrize(
    "reference", ["#", "#/properties/child", "#/properties/missing", "https://example.com/", "/" * 60_000]
)
def test_references_that_lead_nowhere_or_to_themselves_end(reference: str) -> None:
    schema = required(child={"$ref": reference})
    assert example_of(schema) in ({}, {"child": "text"})


def test_a_schema_that_refers_to_itself_many_times_has_no_arguments() -> None:
    assert example_of(required(**{f"child_{number}": {"$ref": "#"} for number in range(20)})) == {}
