"""Validation messages in terms of JSON. Those of msgspec use Python types and do not list the allowed values."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import inspect

INSTANT = "Must be an instant (RFC 3339), such as 2030-01-31T00:00:00Z"

_KINDS = {
    "int": "a whole number",
    "float": "a fraction",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "an instant (RFC 3339), such as 2030-01-31T00:00:00Z",
    "date": "a date, such as 2030-01-31",
}
_BOUNDS = {">=": "at least", "<=": "at most"}
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")

_KIND = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_LENGTH = re.compile(r"Expected `(str|array)` of length (>=|<=) (\d+)")
_SIZE = re.compile(r"Expected `(?:int|float)` (>=|<=) (-?\d+)")
_FIXED = {
    "Invalid RFC3339 encoded datetime": INSTANT,
    "Invalid RFC3339 encoded date": f"Must be {_KINDS['date']}",
    "Expected `datetime` with a timezone component": "Must have a time zone, such as the Z in 2030-01-31T00:00:00Z",
}


def explain(what: str, kind: type[Any], path: str, *, text: bool) -> str:
    """Return the message for msgspec's error at `path` of a `kind`.

    `text`: the value always arrives as a text, as in a query, so its type is not mentioned.
    """
    if what in _FIXED:
        return _FIXED[what]
    if what.startswith("Invalid enum value"):
        return _one_of(kind, path) or what
    for pattern, worded in ((_KIND, _expected_text if text else _expected_type), (_LENGTH, _length), (_SIZE, _size)):
        matched = pattern.fullmatch(what)
        if matched:
            return worded(matched)
    return what.replace("`", "")


def _expected_type(matched: re.Match[str]) -> str:
    return f"Must be {_kinds(matched[1].split(' | '))}, not {_type_name(matched[2])}"


def _expected_text(matched: re.Match[str]) -> str:
    return f"Must be {_kinds(name for name in matched[1].split(' | ') if name != 'null')}"


def _kinds(names: Iterable[str]) -> str:
    return " or ".join(_type_name(name) for name in names)


def _length(matched: re.Match[str]) -> str:
    unit = "character" if matched[1] == "str" else "item"
    return f"Must have {_BOUNDS[matched[2]]} {matched[3]} {unit}{'' if matched[3] == '1' else 's'}"


def _size(matched: re.Match[str]) -> str:
    return f"Must be {_BOUNDS[matched[1]]} {matched[2]}"


def _type_name(name: str) -> str:
    return _KINDS.get(name, name)


@lru_cache(maxsize=512)
def _one_of(kind: type[Any], path: str) -> str | None:
    """Return a list of the values allowed at `path`; None if there is no such list."""
    branches = list(_branches([inspect.type_info(kind)]))
    for step in _STEP.findall(path):
        branches = list(_branches(_inside(branches, step)))
    values = [str(value) for branch in branches if isinstance(branch, inspect.LiteralType) for value in branch.values]
    if not values:
        return None
    others = [" or an array" for branch in branches if isinstance(branch, inspect.VarTupleType | inspect.ListType)]
    listed = values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    return f"Must be {listed}{''.join(others)}"


def _branches(types: Iterable[inspect.Type]) -> Iterator[inspect.Type]:
    for each in types:
        if isinstance(each, inspect.Metadata):
            yield from _branches([each.type])
        elif isinstance(each, inspect.UnionType):
            yield from _branches(each.types)
        else:
            yield each


def _inside(branches: Iterable[inspect.Type], step: str) -> Iterator[inspect.Type]:
    """Yield the types inside `branches` under a field name, an index or any key."""
    for branch in branches:
        if isinstance(branch, inspect.StructType):
            yield from (field.type for field in branch.fields if field.encode_name == step)
        elif step.startswith("[") and isinstance(branch, inspect.DictType):
            yield branch.value_type
        elif step.startswith("[") and isinstance(branch, inspect.VarTupleType | inspect.ListType):
            yield branch.item_type
