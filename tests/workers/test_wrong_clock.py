"""A worker with a wrong clock expires, retires, deletes and removes nothing early, by the clock of the database."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.secret import ENTROPY_BYTES, fingerprint, generate
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
from tests.random_input import random_bytes
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, history, wait_for_an_expiry, wait_for_expiry
from tests.workers.valkey_view import View
from tests.wrong_clock import ahead
from workers.job_metrics import last_runs
from workers.schedule import QUEUES
from workers.worker import CLOCK

pytestmark = pytest.mark.anyio

REPEATABLE = {"aggregate_usage", "run_lifecycle_projections", "create_partitions"}
"""Jobs whose result follows from the log and that can be repeated."""

REMOVAL_SETTINGS = {"KEYLEDGER_USAGE_DISCARD": "true", "KEYLEDGER_PLANS": '{"enterprise": {"usage_days": 400}}'}
"""Settings with which uses are removed from the log."""


async def all_have_run(view: View) -> bool:
    return set(last_runs(view.client)) == set(QUEUES)


@pytest.mark.parametrize("seconds", [600, -600])
async def test_a_worker_with_a_wrong_clock_does_nothing_irreversible_and_reports_it(
    connections: Pool, api: Api, start: Start, view: View, tmp_path: Path, seconds: float
) -> None:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(minutes=5))
    due_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(milliseconds=1))
    start("run", **REMOVAL_SETTINGS, **ahead(seconds))
    start("schedule")
    await eventually(lambda: all_have_run(view))
    await anyio.sleep(2)  # some more rounds
    outcomes = {name: run.outcome for name, run in last_runs(view.client).items()}
    assert outcomes == {name: "succeeded" if name in REPEATABLE else "incomplete" for name in QUEUES}
    assert len(await history(connections, organization_id, key_id)) == 1
    assert len(await history(connections, organization_id, due_id)) == 1

    lines: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "0.log").read_text().splitlines()]
    side = "ahead of" if seconds > 0 else "behind"
    assert any(
        line["event"] == "clock_differs" and f"600.0 s {side} the database's" in line["reason"] for line in lines
    )
    health = api.client().get("/health/ready").data
    assert health["status"] == "degraded"
    assert f"the clock of a worker is 600.0 s {side} the database's" in health["checks"]["clock"]
    metrics = scrape(api)
    assert abs(value(metrics, "keyledger_clock_ahead_seconds", process="worker") - seconds) < 1
    assert value(metrics, "keyledger_clock_ahead_seconds", process="api") == 0

    start("run")  # a worker with a correct clock does the work
    await wait_for_expiry(connections, organization_id, due_id)
    assert len(await history(connections, organization_id, key_id)) == 1


async def test_a_worker_with_a_slightly_fast_clock_uses_the_clock_of_the_database(
    connections: Pool, start: Start, view: View
) -> None:
    start("run", **ahead(1.8))
    start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)
    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(hours=1))
    ends = await database_now(connections) + timedelta(seconds=4)
    overlap = RotateKey(
        secret=fingerprint(generate("live", random_bytes(ENTROPY_BYTES))),
        at=ends - timedelta(seconds=4),
        authority=UNRESTRICTED,
        known_mcps={},
        overlap_seconds=4,
    )
    await seed.execute_command(connections, KEY, key_id, organization_id, overlap)
    ending_id, _ = await seed.key(connections, organization_id, expires_at=ends)

    async def both_recorded() -> bool:
        expired = len(await history(connections, organization_id, ending_id)) == 2
        retired = len(await history(connections, organization_id, key_id)) == 3
        # Read the database clock after the log: a recorded event was there before that time.
        assert await database_now(connections) >= ends or not (expired or retired)
        return expired and retired

    await eventually(both_recorded)
    assert any(0 < abs(float(clock)) < 2 for clock in clocks(view))


async def database_now(connections: Pool) -> datetime:
    async with connections.connection() as connection:
        row = await (await connection.execute(b"select clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]


def clocks(view: View) -> list[bytes]:
    kept: list[Any] = [view.client.hget(f"rq:worker:{name}", CLOCK) for name in view.workers()]
    return [clock for clock in kept if clock is not None]
