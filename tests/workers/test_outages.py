"""What stands still comes right again by itself, and is said once."""

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
from tests.workers.log_view import an_expiry_is_recorded, eventually, expiry_of, history
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES

pytestmark = pytest.mark.anyio

PROCESSES = 1 + len(ISOLATED_QUEUES)
"""Of `run` with one worker."""


def _said(tmp_path: Path, event: str) -> list[int]:
    """How often it was said by each of the two that were started; none of them may have shown a traceback.

    What `run` starts says it by itself: the worker, and those that take a job each that waits for others.
    """
    logs = [log.read_text() for log in sorted(tmp_path.glob("*.log"))]
    assert not any("Traceback" in log for log in logs), logs
    return [log.count(event) for log in logs]


async def test_without_valkey_nothing_is_lost(
    connections: Pool, start: Start, valkey: Valkey, view: View, tmp_path: Path
) -> None:
    pool = start("run")
    scheduler = start("schedule")
    organization_id = await seed.organization(connections)
    await an_expiry_is_recorded(connections, organization_id)
    try:
        valkey.stop()
        key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(seconds=0.3))
        await anyio.sleep(4)
        assert len(await history(connections, organization_id, key_id)) == 1
    finally:
        valkey.start()
    await expiry_of(connections, organization_id, key_id)
    assert (pool.poll(), scheduler.poll()) == (None, None)
    # The workers that lost it, and those that the pool started instead.
    by_workers, by_scheduler = _said(tmp_path, "valkey_unavailable")
    assert PROCESSES <= by_workers <= 2 * PROCESSES
    assert by_scheduler == 1


async def test_valkey_may_forget_everything(connections: Pool, start: Start, view: View, tmp_path: Path) -> None:
    start("run")
    start("schedule")
    organization_id = await seed.organization(connections)
    await an_expiry_is_recorded(connections, organization_id)
    view.forget_everything()
    await an_expiry_is_recorded(connections, organization_id)

    async def all_are_known_again() -> bool:
        return (len(view.workers()), view.schedulers()) == (PROCESSES, 1)

    await eventually(all_are_known_again)
    assert _said(tmp_path, "valkey_unavailable") == [0, 0]
    assert _said(tmp_path, "job_failed") == [0, 0]


async def test_a_worker_with_nothing_to_do_waits_longer_than_valkey_hesitates(
    connections: Pool, start: Start, view: View, tmp_path: Path
) -> None:
    start("run")

    async def all_are_known() -> bool:
        return len(view.workers()) == PROCESSES

    await eventually(all_are_known)
    before = sorted(view.workers())
    view.hesitate(seconds=12)  # a job is waited for in one command of 5 s, which is tried twice
    await anyio.sleep(13)
    assert sorted(view.workers()) == before
    assert _said(tmp_path, "valkey_unavailable") == [0]


async def test_processes_that_start_before_valkey_wait_for_it(
    connections: Pool, start: Start, valkey: Valkey, tmp_path: Path
) -> None:
    organization_id = await seed.organization(connections)
    try:
        valkey.stop()
        start("run")
        start("schedule")

        async def all_said_so() -> bool:
            return _said(tmp_path, "valkey_unavailable") == [PROCESSES, 1]

        await eventually(all_said_so)
        await anyio.sleep(2)
    finally:
        valkey.start()
    await an_expiry_is_recorded(connections, organization_id)
    assert _said(tmp_path, "valkey_unavailable") == [PROCESSES, 1]


async def test_without_postgresql_the_workers_wait(
    connections: Pool, start: Start, postgres: PostgreSQL, tmp_path: Path
) -> None:
    pool = start("run")
    start("schedule")
    organization_id = await seed.organization(connections)
    await an_expiry_is_recorded(connections, organization_id)
    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(seconds=1))
    postgres.stop()

    async def the_outage_was_met() -> bool:
        return _said(tmp_path, "database_unavailable")[0] >= 1

    await eventually(the_outage_was_met)
    postgres.start()
    await expiry_of(connections, organization_id, key_id)
    assert pool.poll() is None
    # A job that runs every few seconds may have missed the outage.
    by_workers, by_scheduler = _said(tmp_path, "database_unavailable")
    assert 1 <= by_workers <= PROCESSES
    assert by_scheduler == 0
