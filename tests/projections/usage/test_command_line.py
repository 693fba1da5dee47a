"""The commands `status` and `catch-up` of `python -m projections`."""

import pytest

from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.registry import ASYNC_PROJECTIONS, LIFECYCLE_PROJECTIONS, USAGE_PROJECTIONS
from tests.programs import run_program
from tests.projections.usage.uses import append, used

pytestmark = pytest.mark.anyio


def _projections(word: str, database_url: str) -> tuple[int, list[str]]:
    result = run_program("projections", word, environment={"DATABASE_URL": database_url})
    return result.returncode, (result.stdout + result.stderr).splitlines()


async def test_status_shows_the_lag_and_catch_up_removes_it(connection: Connection, database_url: str) -> None:
    for producer in ("p", "p", "q"):
        await append(connection, producer, now(), [used("key_a", now())])
    heading = ["projection", "version", "log", "lanes", "behind", "lag"]
    code, lines = _projections("status", database_url)
    behind = [[each.name, "1", "usage", "2", "2", "3"] for each in USAGE_PROJECTIONS]
    nothing = [[each.name, "1", "lifecycle", "0", "0", "0"] for each in LIFECYCLE_PROJECTIONS]
    assert (code, [line.split() for line in lines]) == (0, [heading, *behind, *nothing])
    applied = [f"{each.name}: {3 * (each in USAGE_PROJECTIONS)} positions applied" for each in ASYNC_PROJECTIONS]
    assert _projections("catch-up", database_url) == (0, applied)
    code, lines = _projections("status", database_url)
    level = [[each.name, "1", "usage", "2", "0", "0"] for each in USAGE_PROJECTIONS]
    assert (code, [line.split() for line in lines]) == (0, [heading, *level, *nothing])


async def test_a_stopped_lane_is_reported_and_the_exit_code_is_1(
    connection: Connection, owner: Connection, database_url: str
) -> None:
    lane = 0
    for _ in range(3):
        lane = await append(connection, "p", now(), [used("key_a", now())])
    await owner.execute(b"delete from usage_batches where batch_no = 2")
    reason = f"usage lane {lane}: expected position 2, found 3"
    code, lines = _projections("catch-up", database_url)
    assert code == 1
    assert lines.count(f"  STOPPED lane {lane}: {reason}") == len(USAGE_PROJECTIONS)
    code, lines = _projections("status", database_url)
    assert code == 1
    assert lines.count(f"  STOPPED lane {lane} after 1: {reason}") == len(USAGE_PROJECTIONS)


def test_an_unreachable_database_is_reported_in_one_line() -> None:
    code, [line] = _projections("status", "postgresql://nobody@/nothing?host=/nowhere")
    assert code == 1
    assert line.startswith("DATABASE_URL: ")
    assert _projections("status", "")[0] == 2
