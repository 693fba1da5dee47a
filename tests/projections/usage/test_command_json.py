"""The option `--json` of `python -m projections`, and the confirmation of irreversible commands."""

import json
from typing import Any, NamedTuple

import pytest

from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.registry import ASYNC_PROJECTIONS, REBUILDABLE
from tests.programs import run_program
from tests.projections.usage.uses import append, used
from tests.terminals import on_terminal

pytestmark = pytest.mark.anyio


class Ran(NamedTuple):
    code: int
    out: str
    errors: str

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.out)
        return read


def _run(database_url: str, *words: str) -> Ran:
    result = run_program("projections", *words, environment={"DATABASE_URL": database_url})
    return Ran(result.returncode, result.stdout, result.stderr)


async def test_every_command_that_reports_prints_one_document(connection: Connection, database_url: str) -> None:
    lane = await append(connection, "p", now(), [used("key_a", now())])
    status = _run(database_url, "status", "--json")
    assert (status.code, status.errors) == (0, "")
    assert status.document["skipped"] == []
    usage = next(each for each in status.document["projections"] if each["projection"] == "usage")
    assert usage == {
        "projection": "usage",
        "version": 1,
        "log": "usage",
        "lanes": 1,
        "lanes_behind": 1,
        "positions_behind": 1,
        "stopped": [],
    }
    applied = {
        each["projection"]: each["applied"] for each in _run(database_url, "catch-up", "--json").document["projections"]
    }
    assert (set(applied), applied["usage"]) == ({each.name for each in ASYNC_PROJECTIONS}, 1)
    verified = _run(database_url, "verify", "--json").document["read_models"]
    assert {each["read_model"] for each in verified} == set(REBUILDABLE)
    assert {(each["verified"], each["differences"], each["first_difference"]) for each in verified} == {(True, 0, None)}
    rebuilt = _run(database_url, "rebuild", "usage", "--json").document
    assert (rebuilt["switched"], rebuilt["version"], rebuilt["kept"]) == (True, 2, "usage_old_1")
    dropped = _run(database_url, "drop-old", "usage", "--yes", "--json").document
    assert dropped == {"read_model": "usage", "dropped": ["usage_old_1"]}
    refused = _run(database_url, "skip", "usage", str(lane), "1", "--reason", "Lost", "--yes", "--json")
    assert (refused.code, refused.out, len(refused.errors.splitlines())) == (1, "", 1)


async def test_a_stopped_lane_and_a_skipped_position_are_in_the_document(
    connection: Connection, owner: Connection, database_url: str
) -> None:
    lane = 0
    for _ in range(3):
        lane = await append(connection, "p", now(), [used("key_a", now())])
    await owner.execute(b"delete from usage_batches where batch_no = 2")
    reason = f"usage lane {lane}: expected position 2, found 3"
    stopped = _run(database_url, "catch-up", "--json")
    assert stopped.code == 1
    found = {each["projection"]: each["stopped"] for each in stopped.document["projections"]}
    assert found["usage"] == [{"lane": lane, "reason": reason}]
    status = _run(database_url, "status", "--json")
    assert status.code == 1
    usage = next(each for each in status.document["projections"] if each["projection"] == "usage")
    assert usage["stopped"] == [{"lane": lane, "position": 1, "reason": reason}]
    skipped = _run(database_url, "skip", "usage", str(lane), "2", "--reason", "Lost", "--by", "olga", "--yes", "--json")
    assert (skipped.code, skipped.document["position"], skipped.document["by"]) == (0, 2, "olga")
    (listed,) = _run(database_url, "status", "--json").document["skipped"]
    assert (listed["projection"], listed["position"], listed["reason"]) == ("usage", 2, "Lost")


async def test_an_irreversible_command_asks_on_a_terminal_and_otherwise_needs_yes(
    connection: Connection, database_url: str
) -> None:
    await append(connection, "p", now(), [used("key_a", now())])
    assert _run(database_url, "catch-up").code == 0
    assert _run(database_url, "rebuild", "usage").code == 0
    refused = _run(database_url, "drop-old", "usage")
    assert (refused.code, refused.out) == (2, "")
    consequence = "This permanently removes the rows of usage that rebuilds replaced."
    assert refused.errors == f"{consequence} Nothing was changed. Add --yes to confirm.\n"
    environment = {"DATABASE_URL": database_url}
    declined = on_terminal(["projections", "drop-old", "usage"], environment, typed="n\n")
    assert declined.code == 1
    assert f"{consequence} Continue? [y/N]:" in " ".join(declined.text.split())
    assert declined.text.rstrip().endswith("Nothing was changed.")
    agreed = on_terminal(["projections", "drop-old", "usage"], environment, typed="y\n")
    assert agreed.code == 0
    assert agreed.text.rstrip().endswith("usage: usage_old_1 dropped")


async def test_on_a_terminal_the_status_is_a_table(connection: Connection, database_url: str) -> None:
    await append(connection, "p", now(), [used("key_a", now())])
    seen = on_terminal(["projections", "status"], {"DATABASE_URL": database_url})
    assert seen.code == 0
    assert "┃ projection" in seen.text
    for projection in ASYNC_PROJECTIONS:
        assert f"│ {projection.name} " in seen.text
