"""Redaction of our credential in an upstream's data: an upstream that echoes it must not reveal it to the caller."""

import json
import re
from typing import Any, cast

import msgspec

_REPLACEMENT = "[redacted]"
# A shorter secret would also match unrelated text. That is harmless in an error text, but would falsify data in the
# result of a tool.
_RESULT_SECRET_MIN = 8
_ESCAPE = re.compile(r"""\\(?:u([0-9A-Fa-f]{4})|(["\\/]))""")


def redacted_text(text: str, secrets: tuple[str, ...], characters_max: int) -> str:
    """Return an upstream's error text in one line, without `secrets` and at most `characters_max` long."""
    # Redaction comes before truncation: otherwise a part of a secret at the cut would remain.
    line = " ".join(_without(text, secrets).split())
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"


def unescaped(encoded: bytes) -> str:
    r"""Return `encoded`, which may be JSON, as text without escapes, so that secrets can be found in it.

    JSON can write `/` as `\/` and any character as `\u002b`.
    """
    text = _ESCAPE.sub(_character, encoded.decode(errors="replace"))
    # JSON escapes a character beyond U+FFFF as two surrogates.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def redacted_json(value: Any, secrets: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with `secrets` redacted in its strings, keys included."""
    long_enough = _long_enough(secrets)
    return _redacted(value, long_enough) if long_enough else value


def redacted_bytes(encoded: bytes, secrets: tuple[str, ...]) -> bytes:
    """Return encoded JSON with `secrets` redacted in its strings; the same bytes if it contains none.

    Numbers keep all their digits, which a float would not.
    """
    long_enough = _long_enough(secrets)
    if not long_enough or not _may_hold(encoded, long_enough):
        return encoded
    value = json.loads(encoded, parse_float=_as_written, parse_int=_as_written)
    redacted = _redacted(value, long_enough)
    return encoded if redacted == value else msgspec.json.encode(redacted)


def _character(escape: re.Match[str]) -> str:
    code, itself = escape.groups()
    return chr(int(code, 16)) if code else itself


def _may_hold(encoded: bytes, secrets: tuple[str, ...]) -> bool:
    # An escaped string may contain a secret in a form other than its bytes.
    return b"\\" in encoded or any(secret.encode() in encoded for secret in secrets)


def _as_written(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())


def _long_enough(secrets: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(secret for secret in secrets if len(secret) >= _RESULT_SECRET_MIN)


def _redacted(value: Any, secrets: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            return _without(value, secrets)
        case list():
            return [_redacted(item, secrets) for item in cast("list[Any]", value)]
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {_without(key, secrets): _redacted(item, secrets) for key, item in pairs}
        case _:
            return value


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, _REPLACEMENT)
    return text
