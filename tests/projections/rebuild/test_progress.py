"""The progress bar of a rebuild, which is shown on a terminal and not in a pipe."""

import re

import pytest

from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from tests.programs import run_program
from tests.projections.rebuild.history import use
from tests.terminals import COLUMNS, on_terminal

pytestmark = pytest.mark.anyio

REBUILD = ["projections", "rebuild", "usage"]


async def _uses(connection: Connection) -> None:
    await use(connection, ["key_a", "key_b"], 1, batches=30)
    await run_projection(connection, USAGE, 60)


async def test_on_a_terminal_the_bar_completes_and_the_pipe_has_only_the_result(
    connection: Connection, database_url: str
) -> None:
    await _uses(connection)
    seen = on_terminal(REBUILD, {"DATABASE_URL": database_url}, only_errors=True)
    assert seen.code == 0, seen.screen
    states = [state for state in re.split(r"[\r\n]+", seen.text) if state.strip()]
    assert re.fullmatch(r"rebuilding usage .*100% 30 of 30 positions, [\d,]+/s *", states[-1]), states
    assert all(len(state) <= COLUMNS for state in states)
    first, second = seen.piped.splitlines()
    assert first.endswith("all as they follow from the log")
    assert second == "usage: version 2 is live; the replaced rows are in usage_old_1 until drop-old"


async def test_in_a_pipe_there_is_no_progress(connection: Connection, database_url: str) -> None:
    await _uses(connection)
    for word in ("verify", "rebuild"):
        done = run_program("projections", word, "usage", environment={"DATABASE_URL": database_url})
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b" not in done.stdout
