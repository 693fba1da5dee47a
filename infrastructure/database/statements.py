r"""Loader for the `.sql` files next to the code that runs them.

A statement starts with a line `-- name`, followed by comment lines with its purpose and parameters. A missing or extra
name fails when the module is imported, not when the statement first runs. As in psql, a line `\ir file.sql` includes a
file of the same folder, which several statements share, and which may include others.
"""

from collections.abc import Sequence
from pathlib import Path
from re import MULTILINE
from re import compile as compile_pattern
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_NAME = compile_pattern(r"^-- ([a-z][a-z0-9_]*)$", MULTILINE)
_COMMENT = compile_pattern(r"^\s*--.*\n", MULTILINE)
_INCLUDE = compile_pattern(r"^ *\\ir (\w+\.sql)\n", MULTILINE)


class Statement(NamedTuple):
    """A statement and its parameters, ready to execute."""

    query: bytes
    parameters: Sequence[object]


def load(fields: type[T], module_file: str, name: str = "queries.sql") -> T:
    """Fill `fields`, a NamedTuple of bytes, from the file `name` in the folder of `module_file`."""
    path = Path(module_file).with_name(name)
    found = {name: text.encode() for name, text in read_statements(path).items()}
    expected = set(fields.__annotations__)
    if expected != set(found):
        raise LookupError(f"{path}: missing {sorted(expected - set(found))}, extra {sorted(set(found) - expected)}")
    return fields(**found)


def read_statements(path: Path) -> dict[str, str]:
    """Return the statements of a file by name, without comments."""
    parts = _NAME.split(_with_includes(path))
    return {name: _COMMENT.sub("", body).strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _with_includes(path: Path) -> str:
    return _INCLUDE.sub(lambda line: _with_includes(path.with_name(line[1])), path.read_text("utf-8"))
