"""The rows of a file with keys to import: CSV or JSON Lines, one key each.

The file contains the SHA-256 of each secret. If it contains the secrets themselves, they are hashed here, and neither
sent nor shown.
"""

import csv
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import count
from typing import Any, Final, TypeAlias, cast

import msgspec
from msgspec import Struct, structs

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.times import time_of
from keyledger.models.keys import KeyToImport
from keyledger.models.permissions import Permissions
from keyledger.secret import LAST_SHOWN, flaw_of, may_be_imported, redacted, sha256_of

FIELDS: Final = (*KeyToImport.__struct_fields__, "secret", "mcps", "manage")
"""The columns of CSV, and the fields of an object. `secret`, `mcps` and `manage` replace others."""

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Za-z+/_-]{43}=?")
_HEXADECIMAL_LENGTH = 64
_TO_BASE64URL = str.maketrans("+/", "-_")
_KINDS = {"str": "a text", "int": "a whole number", "array": "a list", "object": "an object"}
_EMPTY = ("", None)
_PREFIX_LENGTH = 8
_LAST4_FROM = 24
"""The length from which the last four characters of a secret are shown."""


class Rejected(Struct, frozen=True):
    """A row that was not imported. `line`: its line in the file."""

    line: int
    name: str
    outcome: str
    problems: dict[str, str]


class Row(Struct, frozen=True):
    line: int
    key: KeyToImport


class Rows(Struct, frozen=True):
    """`with_secrets`: the file contains secrets, which were hashed."""

    rows: list[Row]
    rejected: list[Rejected]
    with_secrets: bool


_Fields: TypeAlias = Mapping[str, Any]


class _Problem(Exception):
    """A value that cannot be read. The message quotes no value and no unknown name, because it may be a secret."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


def rows_of(content: bytes, default: Permissions) -> Rows:
    """Return the keys in a file. `default`: the permissions of keys for which the file contains none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("The file is not UTF-8. Save it as CSV or JSON Lines in UTF-8.") from None
    if text.lstrip().startswith("["):
        raise UsageError("The file is a JSON list. Write one JSON object per line, without brackets around them.")
    read = _objects if text.lstrip().startswith("{") else _records
    rows: list[Row] = []
    rejected: list[Rejected] = []
    with_secrets = False
    for line, given in read(text):
        if isinstance(given, _Problem):
            rejected.append(_rejected(line, "", given))
            continue
        fields = {name: value for name, value in given.items() if value not in _EMPTY}
        with_secrets |= "secret" in fields
        if (exposed := _exposed(fields)) is not None:
            rejected.append(_rejected(line, "", exposed))
            continue
        try:
            rows.append(Row(line, _key_of(fields, default)))
        except _Problem as problem:
            rejected.append(_rejected(line, str(fields.get("name", "")), problem))
    return Rows(rows, rejected, with_secrets)


def _rejected(line: int, name: str, problem: _Problem) -> Rejected:
    return Rejected(line, redacted(name)[:100], "invalid", {problem.field: str(problem)})


def _records(text: str) -> Iterator[tuple[int, _Fields | _Problem]]:
    """Yield the records of CSV (RFC 4180), whose first line names the columns."""
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    unknown = _unknown(reader.fieldnames or (), {*FIELDS, ""})
    if not reader.fieldnames or unknown:
        named = f"{_numbered('Column', unknown)}. " if unknown else ""
        raise UsageError(f"{named}The first line must name the columns of the file: some of {', '.join(FIELDS)}.")
    records = iter(reader)
    while True:
        try:
            record = cast("dict[str | None, Any]", next(records))
        except StopIteration:
            return
        except csv.Error:
            raise UsageError(f"The file is not valid CSV after line {reader.line_num}. Nothing was imported.") from None
        if None in record:
            yield reader.line_num, _Problem("columns", "The row has more columns than the first line")
        else:
            yield reader.line_num, cast("_Fields", record)


def _objects(text: str) -> Iterator[tuple[int, _Fields | _Problem]]:
    """Yield the objects of JSON Lines."""
    for line, written in zip(count(1), text.split("\n"), strict=False):
        if not written.strip():
            continue
        try:
            given = msgspec.json.decode(written, type=dict[str, Any])
        except msgspec.MsgspecError:
            yield line, _Problem("line", "The line is not a JSON object")
            continue
        unknown = _unknown([name if value not in _EMPTY else "" for name, value in given.items()], {*FIELDS, ""})
        yield line, _Problem("line", _numbered("Field", unknown)) if unknown else given


def _exposed(fields: _Fields) -> _Problem | None:
    """Return the problem of a row with a text that contains its secret. The text is neither sent nor shown."""
    digest = _given_digest(fields)
    metadata = fields.get("metadata")
    try:
        pairs = _object("metadata", metadata) if isinstance(metadata, str) else metadata
    except _Problem:
        pairs = metadata
    named = [(name, fields.get(name)) for name in ("name", "description")]
    if isinstance(pairs, dict):
        named += [("metadata", text) for pair in cast("dict[str, Any]", pairs).items() for text in pair]
    else:
        named.append(("metadata", pairs))
    for name, text in named:
        if isinstance(text, str) and any(
            digest_of(sha256_of(part)) == digest for part in {text, text.strip(), *text.split()}
        ):
            return _Problem(name, "Contains the secret of this key; remove it")
    return None


def _given_digest(fields: _Fields) -> bytes | None:
    """Return the digest of the secret in a row. A text in the place of a digest may be the secret itself."""
    digest, secret = fields.get("sha256"), fields.get("secret")
    if isinstance(digest, str) and _DIGEST.fullmatch(digest):
        return digest_of(digest)
    given = secret or digest
    return digest_of(sha256_of(given)) if isinstance(given, str) else None


def digest_of(text: str) -> bytes:
    """Return the digest in a text, which has the same value in hexadecimal, base64 and base64url."""
    if len(text) == _HEXADECIMAL_LENGTH:
        return bytes.fromhex(text)
    return urlsafe_b64decode(f"{text.rstrip('=')}=".translate(_TO_BASE64URL))


def _unknown(names: Iterable[str], known: Collection[str]) -> list[int]:
    """Return the positions of unknown names, from 1. Without a first line of names, the first key is in their place."""
    return [position for position, name in enumerate(names, start=1) if name not in known]


def _numbered(what: str, positions: Sequence[int]) -> str:
    """Return a statement about the names at the first positions, such as `Columns 1 and 2 have unknown names`."""
    *others, last = positions[:10]
    if not others:
        return f"{what} {last} has an unknown name"
    return f"{what}s {', '.join(map(str, others))} and {last} have unknown names"


def _key_of(fields: _Fields, default: Permissions) -> KeyToImport:
    if "" in fields:
        raise _Problem("line", "A field without a name has a value")
    known = {name: _READ[name](name, value) if name in _READ else value for name, value in fields.items()}
    permissions = _permissions(known) or default
    for name in ("mcps", "manage", "permissions"):
        known.pop(name, None)
    known |= _shown_and_hashed(known.pop("secret", None), known)
    try:
        key = msgspec.convert(known, KeyToImport)
    except msgspec.ValidationError as error:
        raise _problem_of(error) from None
    return key if permissions == Permissions() else structs.replace(key, permissions=permissions)


def _problem_of(error: msgspec.ValidationError) -> _Problem:
    message, _, path = str(error).partition(" - at `$.")
    missing = re.search(r"missing required field `(\w+)`", message)
    if missing:
        return _Problem(missing[1], "Required")
    expected = re.match(r"Expected `([^`]+)`", message)
    kind = _KINDS.get(expected[1].partition(" | ")[0]) if expected else None
    return _Problem(path.rstrip("`") or "line", f"Must be {kind}" if kind else "Has the wrong form")


def _shown_and_hashed(secret: object, fields: _Fields) -> dict[str, Any]:
    """Return the digest of a secret and the characters that are shown of it, or check the digest that is given."""
    if secret is None:
        digest = fields.get("sha256")
        if isinstance(digest, str) and not _DIGEST.fullmatch(digest):
            raise _Problem("sha256", _digest_hint(digest))
        return {}
    if "sha256" in fields:
        raise _Problem("secret", "Use either secret or sha256, not both")
    if not isinstance(secret, str) or (flaw_of(secret) is not None and not may_be_imported(secret)):
        raise _Problem("secret", "Must have 16 to 255 printable ASCII characters, without spaces and commas")
    shown: dict[str, Any] = {"sha256": sha256_of(secret)}
    if "prefix" not in fields:
        shown["prefix"] = secret[: min(_PREFIX_LENGTH, len(secret) // 4)]
    if "last4" not in fields and len(secret) >= _LAST4_FROM:
        shown["last4"] = secret[-LAST_SHOWN:]
    return shown


def _digest_hint(digest: str) -> str:
    if digest.startswith("$"):
        return "Must be a SHA-256. A hash of bcrypt, scrypt or Argon2 cannot be imported: replace these keys"
    return "Must be a SHA-256 in hexadecimal, base64 or base64url. For secrets, name the column secret"


def _permissions(fields: _Fields) -> Permissions | None:
    """Return the permissions in a row, or None if it contains none."""
    short = [name for name in ("mcps", "manage") if name in fields]
    if "permissions" in fields and short:
        raise _Problem(short[0], "Use either permissions or mcps and manage, not both")
    given = fields.get("permissions", {name: fields[name] for name in short} or None)
    if given is None:
        return None
    try:
        permissions = msgspec.convert(given, Permissions)
    except msgspec.ValidationError as error:
        problem = _problem_of(error)
        raise _Problem(f"permissions.{problem.field}", str(problem)) from None
    if isinstance(permissions.mcps, str) and permissions.mcps != "*":
        raise _Problem("permissions.mcps", 'Must be "*" or a list of ids')
    return permissions


def _instant(name: str, value: object) -> datetime:
    try:
        return time_of(str(value))
    except ValueError:
        raise _Problem(name, "Must be a time, such as 2030-01-31T00:00:00Z") from None


def _words(name: str, value: object) -> object:
    """Return a list, which CSV contains as words with spaces between them."""
    del name
    return value.split() if isinstance(value, str) else value


def _mcps(name: str, value: object) -> object:
    return value if value == "*" else _words(name, value)


def _rate_limit(name: str, value: object) -> object:
    """Return a limit, which CSV contains as a number."""
    if isinstance(value, int):
        return {"per_second": value}
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isdecimal()):
        raise _Problem(name, "Must be a whole number of requests per second")
    return {"per_second": int(value[:10])}


def _object(name: str, value: object) -> object:
    """Return an object, which CSV contains as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise _Problem(name, "Must be a JSON object") from None


_READ: Final[Mapping[str, Callable[[str, object], object]]] = {
    "expires_at": _instant,
    "mcps": _mcps,
    "manage": _words,
    "allowed_ips": _words,
    "rate_limit": _rate_limit,
    "permissions": _object,
    "metadata": _object,
}
