"""The file of `keyledger apply` and `export`: its tables, and how it is read.

A field that a table omits has its default. `None` marks the fields that an existing object keeps if they are omitted.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field, inspect

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import read_input
from keyledger.cli.key_files import KEY
from keyledger.cli.times import with_offset
from keyledger.endpoints.keys import Environment
from keyledger.endpoints.mcps import AuthType, McpStatus
from keyledger.endpoints.webhooks import Kind, WebhookStatus
from keyledger.models.permissions import Permissions, RateLimit

T = TypeVar("T")

_SIZE_MAX = 50_000_000
_FORBIDDEN = ("auth_token", "auth_password", "key", "secret")
"""Fields of the API with a secret. The file refers to secrets, and never contains one."""


class McpTable(Struct, frozen=True, kw_only=True):
    id: str | None = None
    name: str
    endpoint_url: str
    description: str = ""
    environment: Environment | None = None
    status: McpStatus | None = None
    health_checks: bool = True
    auth_type: AuthType | None = None
    auth_header: str | None = None
    auth_parameter: str | None = None
    auth_username: str | None = None
    credential_env: str | None = None
    credential_file: str | None = None

    @property
    def label(self) -> str:
        return self.name


class KeyTable(Struct, frozen=True, kw_only=True):
    """A key. The names of MCPs can stand for their ids in `permissions`."""

    id: str | None = None
    name: str
    description: str = ""
    environment: Environment | None = None
    status: Literal["active", "disabled"] | None = None
    expires_at: datetime | None = None
    expires_in_days: int | None = None
    never: bool = False
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    permissions: Permissions = Permissions()
    metadata: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def label(self) -> str:
        return self.name


class WebhookTable(Struct, frozen=True, kw_only=True):
    """A webhook. The URL of a `slack` webhook is its secret, so the file refers to it."""

    id: str | None = None
    kind: Kind = "standard"
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    description: str = ""
    events: tuple[str, ...] = ("*",)
    status: WebhookStatus | None = None

    @property
    def label(self) -> str:
        return (self.url if self.kind == "standard" else self.description) or ""


class Document(NamedTuple):
    """The tables of a file. None: the file does not mention this kind, so `apply` leaves it alone.

    `folder`: where the files are to which the file refers.
    """

    folder: Path
    mcps: Sequence[McpTable] | None
    keys: Sequence[KeyTable] | None
    webhooks: Sequence[WebhookTable] | None


def read_document(name: str) -> Document:
    """Return the content of a file, or of standard input for `-`. Raise UsageError for every flaw in its form."""
    place, written = read_input(name, "The file", _SIZE_MAX)
    content = _decoded(written, place)
    if KEY.search(content):
        raise UsageError(f"{place} contains a key. Remove the key: this file never contains a secret.")
    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{place} is not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{place} is nested too deeply.") from None
    for unknown in tables:
        if unknown not in ("mcps", "keys", "webhooks"):
            raise UsageError(f"{place}: unknown table {unknown!r}.{_nearest(unknown, ('mcps', 'keys', 'webhooks'))}")
    return Document(
        Path() if name == "-" else Path(name).parent,
        _tables(tables, "mcps", McpTable),
        _tables(tables, "keys", KeyTable),
        _tables(tables, "webhooks", WebhookTable),
    )


def _decoded(content: bytes, place: str) -> str:
    try:
        # TOML is UTF-8. Some editors begin it with a byte order mark.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{place} is not UTF-8 in line {line}. Save it as UTF-8.") from None


def _tables(tables: Mapping[str, Any], kind: str, table: type[T]) -> Sequence[T] | None:
    if kind not in tables:
        return None
    try:
        found = msgspec.convert(tables[kind], list[dict[str, Any]])
    except msgspec.ValidationError:
        raise UsageError(f"{kind} must be a list of tables: begin each with [[{kind}]].") from None
    return [_converted(each, f"{kind}[{number}]", table) for number, each in enumerate(found, 1)]


def _converted(found: dict[str, Any], address: str, table: type[T]) -> T:
    """Return one table. Messages name it by its address and its label."""
    label = found.get("name", found.get("url"))
    named = f"{address} (“{label}”)" if isinstance(label, str) else address
    for problem in _unknown_fields(found, inspect.type_info(table), ""):
        raise UsageError(f"{named}: {problem}")
    expiry = found.get("expires_at")
    if isinstance(expiry, date):
        found = {**found, "expires_at": _instant(expiry)}
    try:
        return msgspec.convert(found, table, strict=True)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        where = f" in {path.strip('.`')}" if path.strip(".`") else ""
        raise UsageError(f"{named}: {what[0].lower()}{what[1:]}{where}.") from None


def _instant(at: date) -> datetime:
    """Return the time that a date or a time of TOML means."""
    return with_offset(at if isinstance(at, datetime) else datetime.combine(at, time()))


def _unknown_fields(value: Any, kind: inspect.Type, path: str) -> Iterator[str]:  # noqa: ANN401 -- of TOML
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _unknown_fields(value, each, path)
    if not isinstance(value, dict):
        return
    items = msgspec.convert(value, dict[str, Any])
    if isinstance(kind, inspect.DictType):
        for name, item in items.items():
            yield from _unknown_fields(item, kind.value_type, f"{path}{name}.")
    elif isinstance(kind, inspect.StructType):
        known = {each.name: each.type for each in kind.fields}
        for name, item in items.items():
            if name in known:
                yield from _unknown_fields(item, known[name], f"{path}{name}.")
            elif name in _FORBIDDEN:
                yield f"the file never contains a secret such as {name}. Use credential_env or credential_file."
            else:
                yield f"unknown field {path}{name}.{_nearest(name, list(known))}"


def _nearest(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, known, 1)
    return f" Did you mean {found[0]}?" if found else f" Known are {', '.join(known)}."
