"""Validation of arguments, including nested values, against the JSON Schema of a tool's input.

The schema is untrusted. Its references can point only into itself, its patterns run in linear time, and the validation
stops at a time limit with the errors found by then. An invalid schema yields no errors.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from time import thread_time
from typing import Any, cast

import msgspec
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import (
    extend,  # pyright: ignore[reportUnknownVariableType]
    validator_for,
)
from referencing import Registry

from gateway.patterns import matches
from gateway.schema_words import is_about_type, words_of

SECONDS_MAX = 0.25
"""Limit of CPU time. Waiting for a busy machine does not count, because the result must not depend on load."""
FIELDS_MAX = 20
_SCHEMA_BYTES_MAX = 256 * 1024
_WHOLE = "arguments"
_FIELD_LENGTH_MAX = 200

Keyword = Callable[[Validator, Any, Any, Any], Iterator[ValidationError] | None]


class _OutOfTime(Exception):
    """The comparison has taken as long as it may."""


async def argument_errors(schema: bytes, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the error of each invalid argument, by its path such as `numbers[1]`; empty if all are valid."""
    if len(schema) > _SCHEMA_BYTES_MAX:
        return {}
    return await asyncio.to_thread(_argument_errors, schema, arguments)


def _argument_errors(encoded: bytes, arguments: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        schema = msgspec.json.decode(encoded)
        for error in _validator(schema).iter_errors(arguments):
            for path, words in _messages_of(error):
                found.setdefault(path[:_FIELD_LENGTH_MAX], words)
            if len(found) >= FIELDS_MAX:
                break
    except Exception:  # noqa: BLE001, S110 -- an invalid schema can raise anything; errors found before are kept
        pass
    return found


def _validator(schema: Any) -> Validator:  # noqa: ANN401 -- any JSON value
    deadline = thread_time() + SECONDS_MAX
    kind = validator_for(schema, default=Draft202012Validator)
    known = cast("dict[str, Keyword]", kind.VALIDATORS)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    replaced = {**known, **{name: partial(keyword, deadline) for name, keyword in _LINEAR.items()}}
    bounded = {name: _bounded(keyword, deadline) for name, keyword in replaced.items() if name not in _LEFT_OUT}
    limited = cast("type[Validator]", extend(kind, {**dict.fromkeys(_LEFT_OUT, _nothing), **bounded}))
    nothing_else: Registry[Any] = Registry()
    return limited(schema, registry=nothing_else)


def _bounded(keyword: Keyword, deadline: float) -> Keyword:
    def checked(validator: Validator, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:  # noqa: ANN401
        _check(deadline)
        yield from keyword(validator, value, instance, schema) or ()

    return checked


def _nothing(_validator: Validator, _value: Any, _instance: Any, _schema: Any) -> None:  # noqa: ANN401
    return None


def _found(deadline: float, pattern: object, text: str) -> bool | None:
    # A keyword may compare thousands of patterns with thousands of names.
    _check(deadline)
    return matches(pattern, text)


def _pattern(
    deadline: float,
    _validator: Validator,
    pattern: Any,  # noqa: ANN401
    instance: Any,  # noqa: ANN401
    _schema: Any,  # noqa: ANN401
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _found(deadline, pattern, instance) is False:
        yield ValidationError("does not match")


def _pattern_properties(
    deadline: float,
    validator: Validator,
    patterns: Any,  # noqa: ANN401
    instance: Any,  # noqa: ANN401
    _schema: Any,  # noqa: ANN401
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for name, value in cast("dict[str, Any]", instance).items():
            if _found(deadline, pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)  # type: ignore[attr-defined]


def _additional_properties(
    deadline: float,
    validator: Validator,
    inner: Any,  # noqa: ANN401
    instance: Any,  # noqa: ANN401
    schema: Any,  # noqa: ANN401
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in cast("dict[str, Any]", instance).items():
        # A pattern that cannot be read may cover any name.
        if name in properties or any(_found(deadline, pattern, name) is not False for pattern in patterns):
            continue
        if inner is False:
            yield ValidationError("unexpected", path=[name])
        else:
            yield from validator.descend(value, inner, path=name)  # type: ignore[attr-defined]


_LINEAR: dict[str, Any] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


def _check(deadline: float) -> None:
    if thread_time() > deadline:
        raise _OutOfTime


_LEFT_OUT = frozenset({"unevaluatedProperties", "unevaluatedItems", "uniqueItems", "format"})
"""Keywords whose cost cannot be limited from outside, and `format`, which servers interpret differently."""


def _messages_of(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield the path and the message of an error; for `anyOf` and `oneOf`, those of the form that was meant."""
    if error.context and (meant := _meant(error)) is not None:
        for inner in meant:
            yield from _messages_of(inner)
        return
    path = list(error.absolute_path)
    names, words = words_of(error)
    if not names:
        yield _joined(path) or _WHOLE, words
    for name in names:
        yield _joined([*path, name]), words


def _meant(error: ValidationError) -> list[ValidationError] | None:
    """Return the errors of the only form whose type matches the value; None if there is not exactly one."""
    forms: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        forms.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        errors
        for errors in forms.values()
        if not any(is_about_type(each) and not each.relative_path for each in errors)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _joined(path: list[str | int]) -> str:
    joined = ""
    for step in path:
        if isinstance(step, int):
            joined += f"[{step}]"
        else:
            joined += f".{step}" if joined else step
    return joined
