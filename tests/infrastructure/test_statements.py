"""The loader of statements in `.sql` files."""

from pathlib import Path
from typing import NamedTuple

import pytest

from infrastructure.database.statements import load


class _One(NamedTuple):
    one: bytes


class _Both(NamedTuple):
    one: bytes
    two: bytes


@pytest.fixture
def module(tmp_path: Path) -> str:
    """The file of a module next to statements that share a part."""
    (tmp_path / "shared.sql").write_text("-- A condition. Parameters by name: a\nwhere a = %(a)s\n")
    statements = "-- one\n-- Purpose.\nselect 1\n  \\ir shared.sql\nlimit 1\n\n-- two\nselect 2\n\\ir shared.sql\n"
    (tmp_path / "queries.sql").write_text(statements)
    return str(tmp_path / "queries.py")


def test_statements_include_files_and_have_no_comments(module: str) -> None:
    assert load(_Both, module) == (b"select 1\nwhere a = %(a)s\nlimit 1", b"select 2\nwhere a = %(a)s")


def test_a_missing_or_extra_statement_is_named(module: str) -> None:
    with pytest.raises(LookupError, match=r"missing \[\], extra \['two'\]"):
        load(_One, module)
