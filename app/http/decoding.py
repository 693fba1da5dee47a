"""Decoding of bodies and query parameters into typed structs, with an error message for each invalid field."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from app.http.duplicate_names import duplicate_names
from app.http.errors import Problem, invalid
from app.http.validation_messages import INSTANT, explain
from domain.secret import contains_secret, redact

T = TypeVar("T", bound=msgspec.Struct)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A timestamp in RFC 3339 with a time zone."""

NO_KEY_IN_ADDRESS = "Must not contain an API key. Send the key in a header, and replace it if the address was logged"

_PATH = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_FIELD_LENGTH_MAX = 200
_REPEATED_SHOWN_MAX = 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some clients put it before JSON, and a reader may ignore it (RFC 8259 §8.1)."""

_encoder = msgspec.json.Encoder()


def read_body(body: bytes, content_type: str, kind: type[T]) -> T:
    """Return the body as a `kind`. An absent body counts as an empty object.

    Raise 415 for another content type, 400 for a body that is not a JSON object or repeats a name, 422 for invalid
    fields.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if not body:
        return _convert({}, kind)
    media_type, _, _ = content_type.partition(";")
    if media_type.strip().lower() != "application/json":
        raise Problem("unsupported_media_type")
    try:
        read = msgspec.json.decode(body, type=kind)
        _refuse_duplicates(body)
    except msgspec.ValidationError as error:
        with suppress(ValueError, RecursionError):  # the text may end in the middle of a value
            _refuse_duplicates(body)
        raise _problem_of(str(error), kind, text=False) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Problem("invalid_request", "The body is not valid JSON in UTF-8.") from None
    return read


def _refuse_duplicates(body: bytes) -> None:
    repeated = duplicate_names(body)
    if repeated:
        named = {_field(redact(name)): "Must not be repeated" for name in repeated[:_REPEATED_SHOWN_MAX]}
        raise Problem("invalid_request", f"The body repeats names: {', '.join(named)}. Send each name once.", named)


def encode(value: object) -> bytes:
    return _encoder.encode(value)


def read_query(query: bytes, kind: type[T]) -> T:
    """Return the query parameters as a `kind`. Unknown, repeated and malformed parameters are refused by name."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except (UnicodeDecodeError, ValueError):
        raise Problem("invalid_request", "The query string cannot be read.") from None
    for name, value in pairs:
        if "\0" in value:  # PostgreSQL texts cannot contain it
            raise invalid({_field(name): "Must not contain U+0000"})
        if contains_secret(value):
            # A parameter is part of the URL, so proxies log it, and it would be in the link to the next page.
            raise invalid({_field(name): NO_KEY_IN_ADDRESS})
    repeated = _repeated(name for name, _ in pairs)
    if repeated is not None:
        raise invalid({_field(repeated): "Must not be repeated"})
    texts = dict(pairs)
    read = _convert(texts, kind)
    for field in msgspec.structs.fields(kind):
        if field.encode_name in texts:
            _reject_lenient_values(field.encode_name, texts[field.encode_name], getattr(read, field.name))
    return read


def refuse_parameters(query: bytes) -> None:
    """Raise 422 for query parameters of a route that has none."""
    if query:
        raise invalid(query="This route takes no parameters")


def _reject_lenient_values(name: str, text: str, value: object) -> None:
    """Raise 422 for values that msgspec accepts out of leniency.

    They are null for an absent value, Unix seconds for a timestamp, and 1e1 for ten.
    """
    if value is None:
        raise invalid({name: "Must not be null"})
    if isinstance(value, datetime) and ":" not in text:
        raise invalid({name: INSTANT})
    if type(value) is int and not text.isdecimal():
        raise invalid({name: "Must be a whole number"})


def _convert(values: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _problem_of(str(error), kind, text=True) from None


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _problem_of(message: str, kind: type[Any], *, text: bool) -> Problem:
    matched = _PATH.match(message)
    what, path = (matched["what"], matched["path"] or "") if matched else (message, "")
    unknown, missing = _UNKNOWN.fullmatch(what), _MISSING.fullmatch(what)
    if unknown:
        path, what = _join(path, unknown[1]), "Unknown field"
    elif missing:
        path, what = _join(path, missing[1]), "Required"
    elif not path:
        return Problem("invalid_request", f"The body must be a JSON object. {what}")
    else:
        what = explain(what, kind, path, text=text)
    return invalid({_field(path): what})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _field(name: str) -> str:
    # Redact first: a truncated secret is no longer recognized as one.
    return redact(name)[:_FIELD_LENGTH_MAX]
