"""Outages: processes recover without an operator and log each outage once."""

from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, history, wait_for_an_expiry, wait_for_expiry
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES

pytestmark = pytest.mark.anyio

PROCESSES = 1 + len(ISOLATED_QUEUES)
"""Worker processes of `run` with one worker."""


def _logged(tmp_path: Path, event: str) -> list[int]:
    """Return how often each of the two processes logged the event, and check that neither logged a traceback.

    Each process that `run` starts logs separately: the shared worker and those for isolated queues.
    """
    logs = [log.read_text() for log in sorted(tmp_path.glob("*.log"))]
    assert not any("Traceback" in log for log in logs), logs
    return [log.count(event) for log in logs]


async def test_nothing_is_lost_while_valkey_is_down(
    connections: Pool, start: Start, valkey: Valkey, view: View, tmp_path: Path
) -> None:
    pool = start("run")
    scheduler = start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)
    try:
        valkey.stop()
        key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(seconds=0.3))
        await anyio.sleep(4)
        assert len(await history(connections, organization_id, key_id)) == 1
    finally:
        valkey.start()
    await wait_for_expiry(connections, organization_id, key_id)
    assert (pool.poll(), scheduler.poll()) == (None, None)
    # The workers that lost the connection, and those that the pool started in their place.
    by_workers, by_scheduler = _logged(tmp_path, "valkey_unavailable")
    assert PROCESSES <= by_workers <= 2 * PROCESSES
    assert by_scheduler == 1


async def test_processes_recover_after_valkey_is_flushed(
    connections: Pool, start: Start, view: View, tmp_path: Path
) -> None:
    start("run")
    start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)
    view.flush()
    await wait_for_an_expiry(connections, organization_id)

    async def all_are_known_again() -> bool:
        return (len(view.workers()), view.schedulers()) == (PROCESSES, 1)

    await eventually(all_are_known_again)
    assert _logged(tmp_path, "valkey_unavailable") == [0, 0]
    assert _logged(tmp_path, "job_failed") == [0, 0]


async def test_an_idle_worker_survives_a_pause_of_valkey(
    connections: Pool, start: Start, view: View, tmp_path: Path
) -> None:
    start("run")

    async def all_are_known() -> bool:
        return len(view.workers()) == PROCESSES

    await eventually(all_are_known)
    before = sorted(view.workers())
    view.pause(seconds=12)  # a worker waits for a job in one command of 5 s, which is tried twice
    await anyio.sleep(13)
    assert sorted(view.workers()) == before
    assert _logged(tmp_path, "valkey_unavailable") == [0]


async def test_processes_started_before_valkey_wait_for_it(
    connections: Pool, start: Start, valkey: Valkey, tmp_path: Path
) -> None:
    organization_id = await seed.organization(connections)
    try:
        valkey.stop()
        start("run")
        start("schedule")

        async def all_have_logged() -> bool:
            return _logged(tmp_path, "valkey_unavailable") == [PROCESSES, 1]

        await eventually(all_have_logged)
        await anyio.sleep(2)
    finally:
        valkey.start()
    await wait_for_an_expiry(connections, organization_id)
    assert _logged(tmp_path, "valkey_unavailable") == [PROCESSES, 1]


async def test_workers_wait_while_postgresql_is_down(
    connections: Pool, start: Start, postgres: PostgreSQL, tmp_path: Path
) -> None:
    pool = start("run")
    start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)
    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(seconds=1))
    postgres.stop()

    async def outage_was_logged() -> bool:
        return _logged(tmp_path, "database_unavailable")[0] >= 1

    await eventually(outage_was_logged)
    postgres.start()
    await wait_for_expiry(connections, organization_id, key_id)
    assert pool.poll() is None
    # A job that runs every few seconds can miss the outage.
    by_workers, by_scheduler = _logged(tmp_path, "database_unavailable")
    assert 1 <= by_workers <= PROCESSES
    assert by_scheduler == 0
