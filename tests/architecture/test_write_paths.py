"""One write path for changes, one for uses, and one module that opens connections."""

import ast
import re

from tests.architecture.conftest import ROOT, modules

OPENS = re.compile(r"\b(AsyncConnection|Connection|psycopg)\.connect$|\b(Async)?(Null)?ConnectionPool$")
"""Calls that open a connection to PostgreSQL."""


def test_only_one_module_opens_connections() -> None:
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if OPENS.search(called := ast.unparse(node.func).partition("[")[0]) and not called.startswith("httpcore2.")
    }
    # `make run` tries the given DATABASE_URL before it starts anything, and sends no SQL there. To its own server it
    # sends one statement, as the superuser: it sets the password of the login that migrates.
    assert found == {"infrastructure/database/connections.py", "embedded/external_servers.py", "embedded/postgres.py"}


def test_only_two_modules_append_to_the_log() -> None:
    appending = {
        name: {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in APPENDS}
        for name, tree in modules()
    }
    assert {name: found for name, found in appending.items() if found} == {
        "eventstore/execute.py": {"events_append", "stream_advance"},
        "eventstore/usage_batch.py": {"usage_append"},
    }


APPENDS = {"events_append", "stream_advance", "usage_append"}


def test_every_command_goes_through_one_module() -> None:
    """`Commands` adds the projections and the deadline, so no command can run without them."""
    using = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "eventstore.execute"
        if {"Write", "execute"} & {imported.name for imported in node.names}
    }
    building = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].partition("[")[0] == "Write"
    }
    assert using == building == {"eventstore/commands.py"}


def test_only_the_event_store_has_statements_that_write_to_the_log() -> None:
    log = r"(events|streams|lane_heads|usage_batches|usage_events)"
    writing = re.compile(rf"\b(insert\s+into|update|delete\s+from)\s+{log}\b")
    scripts = [path for path in ROOT.glob("*/**/*.sql") if not {".venv", "benchmarks"} & set(path.parts)]
    found = {str(path.relative_to(ROOT)) for path in scripts if writing.search(path.read_text(encoding="utf-8"))}
    assert found == {"eventstore/queries.sql", "eventstore/migrations/0002_lifecycle_log.sql"}


def test_python_contains_sql_only_where_table_names_or_filters_vary() -> None:
    """SQL is in `.sql` files. The key list composes its filters and orders from fixed parts. Tables with the same name
    in two schemas are compared and moved by their names.
    """
    statement = re.compile(r"^\s*(select|insert|update|delete|with)\s.+\s(from|into|set|as)\s", re.DOTALL)
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        if isinstance(text := _text(node.value), str) and statement.search(text)
    }
    assert found <= {
        "infrastructure/database/migrate.py",
        "projections/read_models/keys/list/page.py",
        "projections/read_models/keys/list/search.py",
        "projections/engine/rebuild/tables.py",
        "projections/engine/verify.py",
    }


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
