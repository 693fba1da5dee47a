"""Messages of the API for JSON Schema errors. A message never repeats the value, which may be a secret."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from jsonschema import ValidationError

_LENGTH_MAX = 200
_REQUIRED = "Is required"
_WORDS: Mapping[str, str] = {
    "minimum": "Must be at least {}",
    "maximum": "Must be at most {}",
    "exclusiveMinimum": "Must be more than {}",
    "exclusiveMaximum": "Must be less than {}",
    "multipleOf": "Must be a multiple of {}",
    "minLength": "Must have at least {} characters",
    "maxLength": "Must have at most {} characters",
    "minItems": "Must have at least {} elements",
    "maxItems": "Must have at most {} elements",
    "minProperties": "Must have at least {} members",
    "maxProperties": "Must have at most {} members",
    "pattern": "Must match the pattern {}",
    "const": "Must be {}",
}


def is_about_type(error: ValidationError) -> bool:
    return error.validator in {"type", "const", "enum"}


def words_of(error: ValidationError) -> tuple[list[str], str]:  # noqa: PLR0911 -- one line for each group of keywords
    """Return the members of the value that are wrong, and the message; no members if the value itself is wrong."""
    keyword, wanted = str(error.validator), cast("Any", error.validator_value)
    if keyword == "required":
        return _missing(error.instance, wanted), _REQUIRED
    if keyword in {"dependentRequired", "dependencies"} and isinstance(wanted, dict):
        return _missing(error.instance, _dependent(error.instance, cast("dict[str, Any]", wanted))), _REQUIRED
    if keyword == "additionalProperties":
        return [], "Is not an argument of this tool"
    if keyword == "type":
        return [], "Must be of type " + " or ".join(map(str, _kinds(wanted)))
    if keyword == "enum" and isinstance(wanted, list):
        return [], _short("Must be one of " + ", ".join(_json(each) for each in cast("list[Any]", wanted)[:20]))
    if keyword in {"anyOf", "oneOf"} and (kinds := _kinds_of_forms(wanted)):
        return [], "Must be of type " + " or ".join(kinds)
    if keyword in _WORDS:
        text = wanted if keyword == "pattern" else _json(wanted)
        return [], _short(_WORDS[keyword].format(text))
    return [], "Does not fit the input schema of this tool"


def _missing(instance: object, wanted: object) -> list[str]:
    names = cast("list[Any]", wanted) if isinstance(wanted, list) else []
    there = cast("dict[str, Any]", instance) if isinstance(instance, dict) else {}
    return [name for name in names if isinstance(name, str) and name not in there]


def _dependent(instance: object, rules: dict[str, Any]) -> list[Any]:
    there = cast("dict[str, Any]", instance) if isinstance(instance, dict) else {}
    wanted: list[Any] = []
    for given, names in rules.items():
        if given in there and isinstance(names, list):
            wanted += cast("list[Any]", names)
    return wanted


def _kinds(wanted: object) -> list[Any]:
    return cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted]


def _kinds_of_forms(forms: object) -> list[str]:
    """Return the types that the forms name; none if one of them names no type."""
    kinds: list[str] = []
    for form in cast("list[Any]", forms) if isinstance(forms, list) else []:
        kind = cast("dict[str, Any]", form).get("type") if isinstance(form, dict) else None
        if not isinstance(kind, str):
            return []
        kinds.append(kind)
    return list(dict.fromkeys(kinds))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _short(text: str) -> str:
    return text if len(text) <= _LENGTH_MAX else text[: _LENGTH_MAX - 1] + "…"
