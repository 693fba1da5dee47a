"""`python -m workers replay-anomalies`: an operator is told what the rules would have said, and nothing is written."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from psycopg import sql

from domain.usage.events import Code
from infrastructure.database.connections import Pool
from tests import seed
from tests.workers.test_anomalies import DAY, MONDAY_NOON, used, write

pytestmark = pytest.mark.anyio

STRETCH = ("--from", "2026-06-01", "--to", "2026-06-02T00:00:00Z")


class Said(NamedTuple):
    code: int
    lines: list[str]
    errors: list[str]


Replay = Callable[..., Awaitable[Said]]


@pytest.fixture
def replay(database_url: str, redis_url: str) -> Replay:
    environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}

    async def ask(*words: str) -> Said:
        asked = [sys.executable, "-m", "workers", "replay-anomalies", *words]
        done = await asyncio.to_thread(
            subprocess.run, asked, env=environment, capture_output=True, text=True, check=False
        )
        return Said(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())

    return ask


async def refused(pool: Pool, times: int, code: Code) -> tuple[str, str]:
    """An organization and a key of its own that was refused so often at once."""
    organization_id = await seed.organization(pool)
    key_id, _ = await seed.key(pool, organization_id, at=MONDAY_NOON - 2 * DAY)
    await write(pool, MONDAY_NOON, [used(organization_id, key_id, MONDAY_NOON, code) for _ in range(times)])
    return organization_id, key_id


async def everything(pool: Pool) -> dict[str, str]:
    """What each table of the database holds."""
    tables = b"select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(b"set local role none")
        found: dict[str, str] = {}
        for (name,) in await (await connection.execute(tables)).fetchall():
            query = sql.SQL("select md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) from {} as t")
            row = await (await connection.execute(query.format(sql.Identifier(name)))).fetchone()
            assert row is not None
            found[name] = row[0]
    return found


async def test_what_the_rules_would_have_said_is_told_in_words_and_in_json_and_not_written(
    connections: Pool, replay: Replay
) -> None:
    organization_id, key_id = await refused(connections, 2, "revoked_key")
    before = await everything(connections)
    told = await replay(*STRETCH)
    assert told.code == 0, told.errors
    (line,) = told.lines
    assert line.startswith(f"2026-06-01 12:30Z warning  api_key.denied_burst {organization_id} {key_id} ")
    assert {"denied=2", "most_frequent_reason=revoked_key"} <= set(line.split())
    assert told.errors[-1] == "1 alert would have been raised; nothing was"
    told = await replay(*STRETCH, "--json")
    assert told.code == 0
    (alert,) = json.loads("\n".join(told.lines))["alerts"]
    numbers = alert.pop("numbers")
    assert (numbers["denied"], numbers["most_frequent_reason"]) == (2, "revoked_key")
    assert alert == {
        "at": "2026-06-01T12:30:00Z",
        "organization_id": organization_id,
        "subject": key_id,
        "rule": "revoked_secret",
        "type": "api_key.denied_burst",
        "severity": "warning",
    }
    assert await everything(connections) == before


async def test_a_threshold_and_an_organization_change_what_it_says(connections: Pool, replay: Replay) -> None:
    first, _ = await refused(connections, 2, "revoked_key")
    await refused(connections, 1, "revoked_key")
    second, _ = await refused(connections, 12, "ip_not_permitted")

    async def told(*words: str) -> list[tuple[str, str]]:
        said = await replay(*STRETCH, "--json", *words)
        assert said.code == 0, said.errors
        alerts = json.loads("\n".join(said.lines))["alerts"]
        return sorted((alert["organization_id"], alert["rule"]) for alert in alerts)

    assert await told() == [(first, "revoked_secret")]
    assert await told("--threshold", "denied_count=12", "--threshold", "revoked_secret=false") == [(second, "denied")]
    assert await told("--threshold", "denied_count=12", "--organization", first) == [(first, "revoked_secret")]


async def test_a_threshold_that_there_is_not_is_one_line(replay: Replay) -> None:
    said = await replay(*STRETCH, "--threshold", "speed=5")
    assert (said.code, said.lines) == (2, [])
    (line,) = said.errors
    assert line.startswith("speed is no threshold; there are volume_requests_min, ")


async def test_an_instant_that_can_not_be_read_is_named_with_one_that_can(replay: Replay) -> None:
    said = await replay("--from", "2026-06-01", "--to", "yesterday")
    assert (said.code, said.lines) == (2, [])
    expected = "Invalid value for '--to': yesterday: write 2026-01-31 or 2026-01-31T18:00:00Z. See python -m workers"
    assert said.errors[-1] == f"{expected} replay-anomalies --help"


@pytest.mark.parametrize("end", ["2026-06-01", "2026-05-31T23:59:59Z"])
async def test_a_stretch_that_ends_before_it_begins_is_one_line_that_names_both(replay: Replay, end: str) -> None:
    said = await replay("--from", "2026-06-01", "--to", end)
    at = "2026-05-31T23:59:59+00:00" if end.endswith("Z") else "2026-06-01T00:00:00+00:00"
    assert said == (2, [], [f"--from 2026-06-01T00:00:00+00:00 is not before --to {at}"])


async def test_a_stretch_that_is_yet_to_come_is_refused_likewise(replay: Replay) -> None:
    said = await replay("--from", "9000-01-01")
    assert (said.code, said.lines) == (2, [])
    (line,) = said.errors
    assert line.startswith("--from 9000-01-01T00:00:00+00:00 is not before --to 20")
