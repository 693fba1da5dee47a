"""Argument errors by path, for complete values and any schema."""

import json
import threading
from typing import Any

import pytest

from gateway import argument_errors as arguments
from gateway.argument_errors import FIELDS_MAX, argument_errors
from tests.gateway.raw_server import raw_server

pytestmark = pytest.mark.anyio

NUMBERS: dict[str, Any] = {"type": "array", "items": {"type": "number"}}
POINT: dict[str, Any] = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "minimum": 0}},
    "required": ["x"],
    "additionalProperties": False,
}


def arguments_of(**properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


async def errors_of(schema: object, arguments: dict[str, Any]) -> dict[str, str]:
    return await argument_errors(json.dumps(schema).encode(), arguments)


CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    (arguments_of(a=NUMBERS), {"a": [1, 2.5]}, {}),
    (
        arguments_of(a=NUMBERS),
        {"a": [1, "x", True, None]},
        {f"a[{n}]": "Must be of type number" for n in (1, 2, 3)},
    ),
    (arguments_of(a=NUMBERS), {"a": "x"}, {"a": "Must be of type array"}),
    (arguments_of(a={"items": NUMBERS}), {"a": [[1], [2, "x"]]}, {"a[1][1]": "Must be of type number"}),
    (arguments_of(p=POINT), {"p": {"y": -1}}, {"p.x": "Is required", "p.y": "Must be at least 0"}),
    (arguments_of(p=POINT), {"p": {"x": 1, "z": 2}}, {"p.z": "Is not an argument of this tool"}),
    (
        arguments_of(p={"type": "array", "items": POINT}),
        {"p": [{"x": 1}, {"x": 1.5}]},
        {"p[1].x": "Must be of type integer"},
    ),
    (arguments_of(i={"type": "integer"}), {"i": 1.0}, {}),
    (arguments_of(i={"type": "integer"}), {"i": 10**30}, {}),
    (arguments_of(i={"type": "integer"}), {"i": True}, {"i": "Must be of type integer"}),
    (arguments_of(c={"enum": ["red", "blue"]}), {"c": "green"}, {"c": 'Must be one of "red", "blue"'}),
    (arguments_of(c={"const": 3}), {"c": 4}, {"c": "Must be 3"}),
    (arguments_of(s={"type": "string", "minLength": 3}), {"s": "ab"}, {"s": "Must have at least 3 characters"}),
    (arguments_of(s={"pattern": "^[a-z]+$"}), {"s": "A"}, {"s": "Must match the pattern ^[a-z]+$"}),
    (arguments_of(s={"pattern": "^(?=x)"}), {"s": "A"}, {}),
    (arguments_of(n={"multipleOf": 5}), {"n": 7}, {"n": "Must be a multiple of 5"}),
    (
        arguments_of(n={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        {"n": 7},
        {"n": "Must be of type string or null"},
    ),
    (arguments_of(n={"anyOf": [NUMBERS, {"type": "null"}]}), {"n": [1, "x"]}, {"n[1]": "Must be of type number"}),
    (arguments_of(a={"type": "array", "maxItems": 1}), {"a": [1, 2]}, {"a": "Must have at most 1 elements"}),
    (
        {"type": "object", "properties": {"a": True}, "required": ["a", "b"], "additionalProperties": False},
        {"c": 1},
        {"a": "Is required", "b": "Is required", "c": "Is not an argument of this tool"},
    ),
    (
        {"$defs": {"p": POINT}, "properties": {"p": {"$ref": "#/$defs/p"}}},
        {"p": {"x": "1"}},
        {"p.x": "Must be of type integer"},
    ),
    (
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"n": NUMBERS},
            "properties": {"n": {"$ref": "#/definitions/n"}},
        },
        {"n": ["x"]},
        {"n[0]": "Must be of type number"},
    ),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, {"b": "Is required"}),
    ({"patternProperties": {"^n_": {"type": "number"}}}, {"n_a": "x", "s": "x"}, {"n_a": "Must be of type number"}),
    (
        arguments_of(a={"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}),
        {"a": ["x", "y"]},
        {"a[1]": "Must be of type number"},
    ),
    ({"minProperties": 1}, {}, {"arguments": "Must have at least 1 members"}),
]


@pytest.mark.parametrize(("schema", "arguments", "expected"), CASES)
async def test_invalid_arguments_are_named_by_path(
    schema: dict[str, Any], arguments: dict[str, Any], expected: dict[str, str]
) -> None:
    assert await errors_of(schema, arguments) == expected


async def test_an_invalid_value_is_not_quoted() -> None:
    secret = "pk_live_" + "x" * 32
    schema = arguments_of(a={"type": "number"}, b={"enum": [1]}, c={"pattern": "^z"}, d={"not": {}}, e={"const": 1})
    found = await errors_of(schema, dict.fromkeys("abcde", secret))
    assert set(found) == set("abcde")
    assert secret not in json.dumps(found)


HOSTILE: dict[str, Any] = {
    "an unknown type": {"type": "strng"},
    "a type that is a number": {"type": 5},
    "properties that are a list": {"properties": ["a"]},
    "required that is text": {"required": "a"},
    "items that are text": arguments_of(a={"items": "x"}),
    "an invalid pattern": arguments_of(s={"pattern": "("}),
    "a reference to itself": {"$ref": "#"},
    "circular references": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "a reference to nothing": {"$ref": "#/$defs/none"},
    "a reference to a file": {"$ref": "file:///etc/passwd"},
    "an unknown dialect": {"$schema": "https://example.com/none"},
    "a bound that is text": arguments_of(n={"minimum": "x"}),
    "not an object": 5,
    "null": None,
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
async def test_an_invalid_schema_breaks_nothing(schema: object) -> None:
    assert isinstance(await errors_of(schema, {"a": [1], "s": "x", "n": 1}), dict)


async def test_references_are_not_fetched() -> None:
    requests: list[str] = []

    async def respond(method: str, *_: object) -> None:
        requests.append(method)

    async with raw_server(respond) as url:
        await errors_of({"$ref": url}, {"a": 1})
        await errors_of({"$schema": url, "$id": url, "$ref": "other"}, {"a": 1})
    assert requests == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "(a+)+$"}, "a" * 50_000 + "!"),
        ({"patternProperties": {"(a+)+$": {"type": "null"}}}, {"a" * 50_000 + "!": 1}),
        ({"additionalProperties": False, "patternProperties": {"(a+)+$": True}}, {"a" * 50_000 + "!": 1}),
        ({"uniqueItems": True}, [{"n": n} for n in range(20_000)]),
        ({"items": {"type": "string"}}, list(range(200_000))),
    ],
    ids=["pattern", "pattern of names", "additional names", "unique", "many"],
)
async def test_a_costly_schema_is_evaluated_within_limits(schema: dict[str, Any], value: object) -> None:
    found = await errors_of(arguments_of(a=schema), {"a": value})
    assert len(found) <= FIELDS_MAX


async def test_a_schema_of_exponential_cost_is_abandoned() -> None:
    inner = {"type": "array", "items": {"$ref": "#/$defs/a"}}
    forms = [{**inner, "minItems": 2}, {**inner, "minItems": 3}, {"type": "string"}]
    value: object = 1
    for _ in range(60):
        value = [value]
    assert (
        await errors_of({"$defs": {"a": {"anyOf": forms}}, "properties": {"a": {"$ref": "#/$defs/a"}}}, {"a": value})
        == {}
    )


@pytest.mark.parametrize("additional", [{}, {"additionalProperties": False}], ids=["patterns", "additional names"])
async def test_many_patterns_for_many_names_are_abandoned_together(
    monkeypatch: pytest.MonkeyPatch, additional: dict[str, Any]
) -> None:
    compared = 0
    matches = arguments.matches

    def counting_matches(pattern: object, text: str) -> bool | None:
        nonlocal compared
        compared += 1
        return matches(pattern, text)

    monkeypatch.setattr(arguments, "matches", counting_matches)
    patterns, names = 5_000, 2_000
    schema = {"patternProperties": {f"^x{n}$": {"type": "null"} for n in range(patterns)}, **additional}
    assert await errors_of(schema, {f"name{n}": 1 for n in range(names)}) == {}
    assert compared < patterns * names / 2


async def test_the_errors_do_not_depend_on_the_load_of_the_machine() -> None:
    """The validation uses part of its time limit alone, and a multiple of it next to busy threads."""
    values = [*range(4_000), "last"]
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            pass

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    try:
        found = await errors_of(arguments_of(numbers=NUMBERS), {"numbers": values})
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert found == {"numbers[4000]": "Must be of type number"}
