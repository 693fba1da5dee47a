"""Output: aligned text for people, JSON for machines."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from keyledger.models.keys import Key
from keyledger.secret import Secret

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def print_json(value: object) -> None:
    """Print one JSON document, with secrets in plain text where the command is meant to show them."""
    print(msgspec.json.encode(value, enc_hook=_revealed).decode())


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as their widest cell. Titles are bold on a terminal only."""
    whole = [tuple(titles), *(tuple(_printable(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in whole) for column in range(len(titles))]
    for number, row in enumerate(whole):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        print(f"{_BOLD}{line}{_PLAIN}" if number == 0 and sys.stdout.isatty() else line)


def print_row(cells: Sequence[str]) -> None:
    """Print one line of a table that has no end, and therefore no widths."""
    print("  ".join(_printable(cell) or "-" for cell in cells))


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print one name and value a line."""
    known = [(name, _printable(value)) for name, value in fields if value]
    width = max(len(name) for name, _ in known)
    for name, value in known:
        print(f"{name.ljust(width)}  {value}")


def key_row(key: Key) -> tuple[str, ...]:
    shown = f"{key.prefix}…{key.last4}"
    return (key.id, key.name, shown, key.status, day(key.expires_at) or "never", day(key.last_used) or "never")


KEY_TITLES = ("ID", "NAME", "KEY", "STATUS", "EXPIRES", "LAST USED")


def day(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M")


def text_of(value: object) -> str:
    """Return a value of any type: text as it is, other values as JSON, and nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _printable(text: str) -> str:
    """Return the text without characters that move the cursor or end a line, because any caller can choose a name."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _revealed(value: Any) -> Any:  # noqa: ANN401 -- the signature that msgspec calls
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError("not a secret")
