"""After any kill, every acknowledged request is in the log exactly once, and the service recovers without help."""

import random
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from embedded.postgres import PostgreSQL
from tests.random_input import random_seed
from tests.stories.kills import KINDS, Kills


@pytest.mark.parametrize("rounds_each", [2, pytest.param(4, marks=pytest.mark.soak)])
def test_nothing_acknowledged_is_lost_when_processes_are_killed(
    postgres: PostgreSQL, database_url: str, redis_url: str, tmp_path: Path, rounds_each: int
) -> None:
    seed = random_seed()
    kinds = list(KINDS) * rounds_each
    random.Random(seed).shuffle(kinds)  # noqa: S311 -- no secret
    with Kills(postgres, database_url, redis_url, tmp_path) as kills:
        promises = kills.rounds(kinds, seed, _say)
    assert kills.broken(promises) == []
    # The load was high enough.
    assert len(promises.uses) > 20 * len(kinds)
    assert promises.lost_answers + promises.refusals > len(kinds)
    assert min(len(promises.names), promises.rotations.total()) > len(kinds) // 2


def test_the_same_check_fails_if_commits_are_asynchronous(
    postgres: PostgreSQL, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The server then acknowledges commits before they are on disk, so a kill loses the latest ones."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set synchronous_commit = off").format(name))
    with Kills(postgres, database_url, redis_url, tmp_path) as kills:
        try:
            promises = kills.rounds(["postgresql"] * 3, 7, _say)
        except AssertionError as error:
            # A caller noticed the loss itself, because the key that it had created is gone.
            assert "not_found" in str(error)  # noqa: PT017 -- one of two ways to notice
        else:
            assert any("is missing" in line for line in kills.broken(promises))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
