"""Headers of protocol 2026-07-28 that repeat parts of a request's body, so that a proxy need not parse the body."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

ParameterHeaders = Mapping[str, tuple[str, ...]]
"""The path to the repeated argument, by the name of the header."""

_ANNOTATION = "x-mcp-header"
_PLAIN = re.compile(r"[\x20-\x7e]*\Z")
_ENCODED = re.compile(r"=\?base64\?.*\?=\Z", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}\Z")
_SCALARS = frozenset({"string", "integer", "boolean"})
_DEPTH_MAX = 16


def header_text(value: str) -> str:
    """Return `value` in the form for a header: unchanged, or in base64 if a header cannot contain it."""
    if _PLAIN.match(value) and value == value.strip() and not _ENCODED.match(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="


def annotated(schema: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the headers that the input schema of a tool requires, without those whose names are invalid."""
    return {f"Mcp-Param-{token}": path for path, token in _annotations(schema, ())}


def parameter_headers(wanted: ParameterHeaders, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers for `arguments`; none for an argument that is missing or null."""
    found = ((name, _rendered(_at(arguments, path))) for name, path in wanted.items())
    return {name: header_text(text) for name, text in found if text is not None}


def encoded_headers(tools: Iterable[Mapping[str, Any]]) -> bytes | None:
    """Return the required headers of each tool as JSON to store; None if no tool requires any."""
    wanted = {tool["name"]: headers for tool in tools if (headers := annotated(tool["input_schema"]))}
    return msgspec.json.encode(wanted) if wanted else None


def wanted_headers(stored: bytes | None, tool: str) -> ParameterHeaders:
    """Return the headers of `tool` from the JSON of `encoded_headers`."""
    if stored is None:
        return {}
    return msgspec.json.decode(stored, type=dict[str, dict[str, tuple[str, ...]]]).get(tool, {})


def _annotations(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or len(path) >= _DEPTH_MAX:
        return
    for name, inner in cast("dict[str, Any]", properties).items():
        if not isinstance(inner, dict):
            continue
        described = cast("dict[str, Any]", inner)
        token, kind = described.get(_ANNOTATION), described.get("type")
        if isinstance(token, str) and _TOKEN.match(token) and isinstance(kind, str) and kind in _SCALARS:
            yield (*path, name), token
        yield from _annotations(described, (*path, name))


def _at(arguments: Mapping[str, Any], path: tuple[str, ...]) -> object:
    value: Any = arguments
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value


def _rendered(value: object) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            return None
