"""JSON for programs, and one result in the form that was asked for."""

import argparse
import os
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from keyledger.cli import exit_codes
from keyledger.cli.tables import print_fields, printable
from keyledger.models.keys import Key, MatchedKey
from keyledger.secret import Secret


def print_json(value: object, *, with_secrets: bool = True) -> None:
    """Print one JSON document on one line, with secrets in plain text or null."""
    document = msgspec.json.encode(value, enc_hook=_revealed if with_secrets else _hidden)
    # JSON is UTF-8 (RFC 8259), whatever the encoding of texts is.
    sys.stdout.flush()
    sys.stdout.buffer.write(document + b"\n")


def show(arguments: argparse.Namespace, value: object, fields: Iterable[tuple[str, str]]) -> int:
    """Print one result: as JSON, or as `fields`."""
    if arguments.json:
        print_json(value)
    else:
        print_fields(fields)
    return exit_codes.OK


def tell(arguments: argparse.Namespace, value: object, sentence: str) -> int:
    """Print what was done: as JSON, or as a sentence."""
    if arguments.json:
        print_json(value)
    else:
        print(printable(sentence))
    return exit_codes.OK


def text_of(value: object) -> str:
    """Return a value of any type: text as it is, other values as JSON, and nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def shown_secret(key: Key | MatchedKey) -> str:
    """Return the first and last characters of a secret. An import may have contained neither."""
    return f"{key.prefix}…{key.last4}" if key.prefix or key.last4 else "imported"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: "1 key", or "1,204 keys"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def named(name: str | None, resource_id: str) -> str:
    """Return a name and an id, for people who need both."""
    return f"{name} ({resource_id})" if name else resource_id


def discard_output() -> None:
    """Discard what could not be written. Otherwise, Python would try again at exit, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _revealed(value: Any) -> Any:  # noqa: ANN401 -- the signature that msgspec calls
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError("not a secret")


def _hidden(value: Any) -> None:  # noqa: ANN401 -- as above
    if not isinstance(value, Secret):
        raise NotImplementedError("not a secret")
