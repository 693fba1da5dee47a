"""`python -m workers replay-anomalies`: alerts that the rules would have raised are printed and not recorded."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from psycopg import sql

from domain.usage.events import Code
from infrastructure.database.connections import Pool
from tests import seed
from tests.programs import run_program
from tests.workers.test_anomalies import DAY, MONDAY_NOON, used, write

pytestmark = pytest.mark.anyio

PERIOD = ("--from", "2026-06-01", "--to", "2026-06-02T00:00:00Z")


class Result(NamedTuple):
    code: int
    lines: list[str]
    errors: list[str]


Replay = Callable[..., Awaitable[Result]]


@pytest.fixture
def replay(database_url: str, redis_url: str) -> Replay:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}

    async def run(*words: str) -> Result:
        completed = await asyncio.to_thread(run_program, "workers", "replay-anomalies", *words, environment=environment)
        return Result(completed.returncode, completed.stdout.splitlines(), completed.stderr.splitlines())

    return run


async def refused(pool: Pool, times: int, code: Code) -> tuple[str, str]:
    """Create an organization and a key that was refused this many times at one moment. Return their ids."""
    organization_id = await seed.organization(pool)
    key_id, _ = await seed.key(pool, organization_id, at=MONDAY_NOON - 2 * DAY)
    await write(pool, MONDAY_NOON, [used(organization_id, key_id, MONDAY_NOON, code) for _ in range(times)])
    return organization_id, key_id


async def table_digests(pool: Pool) -> dict[str, str]:
    """Return a digest of the rows of each table."""
    tables = b"select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(b"set local role none")
        digests: dict[str, str] = {}
        for (name,) in await (await connection.execute(tables)).fetchall():
            query = sql.SQL("select md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) from {} as t")
            row = await (await connection.execute(query.format(sql.Identifier(name)))).fetchone()
            assert row is not None
            digests[name] = row[0]
    return digests


async def test_alerts_of_a_replay_are_printed_as_text_or_json_and_not_recorded(
    connections: Pool, replay: Replay
) -> None:
    organization_id, key_id = await refused(connections, 2, "revoked_key")
    before = await table_digests(connections)
    result = await replay(*PERIOD)
    assert result.code == 0, result.errors
    (line,) = result.lines
    assert line.startswith(f"2026-06-01 12:30Z warning  api_key.denied_burst {organization_id} {key_id} ")
    assert {"denied=2", "most_frequent_reason=revoked_key"} <= set(line.split())
    assert result.errors[-1] == "1 alert would have been raised; nothing was"
    result = await replay(*PERIOD, "--json")
    assert result.code == 0
    (alert,) = json.loads("\n".join(result.lines))["alerts"]
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
    assert await table_digests(connections) == before


async def test_a_replay_can_change_thresholds_and_select_an_organization(connections: Pool, replay: Replay) -> None:
    first, _ = await refused(connections, 2, "revoked_key")
    await refused(connections, 1, "revoked_key")
    second, _ = await refused(connections, 12, "ip_not_permitted")

    async def alerts_with(*words: str) -> list[tuple[str, str]]:
        result = await replay(*PERIOD, "--json", *words)
        assert result.code == 0, result.errors
        alerts = json.loads("\n".join(result.lines))["alerts"]
        return sorted((alert["organization_id"], alert["rule"]) for alert in alerts)

    assert await alerts_with() == [(first, "revoked_secret")]
    assert await alerts_with("--threshold", "denied_count=12", "--threshold", "revoked_secret=false") == [
        (second, "denied")
    ]
    assert await alerts_with("--threshold", "denied_count=12", "--organization", first) == [(first, "revoked_secret")]


async def test_an_unknown_threshold_is_reported_in_one_line(replay: Replay) -> None:
    result = await replay(*PERIOD, "--threshold", "speed=5")
    assert (result.code, result.lines) == (2, [])
    (line,) = result.errors
    assert line.startswith("speed is no threshold; there are volume_requests_min, ")


async def test_an_invalid_time_is_reported_with_a_valid_example(replay: Replay) -> None:
    result = await replay("--from", "2026-06-01", "--to", "yesterday")
    assert (result.code, result.lines) == (2, [])
    expected = "Invalid value for '--to': yesterday: write 2026-01-31 or 2026-01-31T18:00:00Z. See python -m workers"
    assert result.errors[-1] == f"{expected} replay-anomalies --help"


@pytest.mark.parametrize("end", ["2026-06-01", "2026-05-31T23:59:59Z"])
async def test_a_period_that_ends_before_it_begins_is_reported_with_both_times(replay: Replay, end: str) -> None:
    result = await replay("--from", "2026-06-01", "--to", end)
    at = "2026-05-31T23:59:59+00:00" if end.endswith("Z") else "2026-06-01T00:00:00+00:00"
    assert result == (2, [], [f"--from 2026-06-01T00:00:00+00:00 is not before --to {at}"])


async def test_a_period_in_the_future_is_reported_with_both_times(replay: Replay) -> None:
    result = await replay("--from", "9000-01-01")
    assert (result.code, result.lines) == (2, [])
    (line,) = result.errors
    assert line.startswith("--from 9000-01-01T00:00:00+00:00 is not before --to 20")
