"""Job results are counted, and every log line names its job."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.observability.health.worker_status import JobsState, ValkeyUnavailable, jobs_state
from infrastructure.database.connections import Pool
from tests.process_tree import children_of
from tests.workers.conftest import Start
from tests.workers.log_view import eventually
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES, QUEUES

pytestmark = pytest.mark.anyio


async def test_the_api_sees_the_results_of_workers_and_scheduler(start: Start, view: View, redis_url: str) -> None:
    start("run")
    start("schedule")

    async def all_done() -> bool:
        state = await jobs_state(redis_url)
        return {tally.name for tally in state.tally if tally.succeeded} == set(QUEUES)

    await eventually(all_done)
    state: JobsState = await jobs_state(redis_url)
    assert {queue.name for queue in state.queues} >= set(QUEUES)
    assert (state.workers, state.schedulers) == (1 + len(ISOLATED_QUEUES), 1)
    assert state.worker_heartbeat is not None
    assert state.scheduler_heartbeat is not None
    assert all(tally.seconds > 0 and tally.failed == 0 for tally in state.tally)


async def test_without_processes_no_worker_or_scheduler_is_reported(redis_url: str) -> None:
    state = await jobs_state(redis_url)
    assert (state.workers, state.worker_heartbeat, state.schedulers, state.scheduler_heartbeat) == (0, None, 0, None)


async def test_an_unreachable_valkey_raises() -> None:
    with pytest.raises(ValkeyUnavailable):
        await jobs_state("redis://127.0.0.1:1")


@pytest.mark.parametrize("standard_error", ["2>/dev/full", "2> >(exit 0)", "2>&-"])
async def test_a_worker_continues_if_its_log_cannot_be_written(
    connections: Pool, start: Start, view: View, redis_url: str, standard_error: str
) -> None:
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        await connection.execute(b"alter table idempotency_keys rename to elsewhere")
    pool = start("run", standard_error=standard_error)
    scheduler = start("schedule", standard_error=standard_error)

    async def outcomes(outcome: str) -> bool:
        tallies = {tally.name: getattr(tally, outcome) for tally in (await jobs_state(redis_url)).tally}
        return bool(tallies.get("purge_idempotency_keys"))

    async def has_failed() -> bool:
        return await outcomes("failed")

    async def has_succeeded() -> bool:
        return await outcomes("succeeded")

    async def lines_are_counted() -> bool:
        return (await jobs_state(redis_url)).log_lines_dropped > 0

    await eventually(has_failed)
    workers = children_of(pool.pid)
    await eventually(lines_are_counted)
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        await connection.execute(b"alter table elsewhere rename to idempotency_keys")
    # Another scheduler enqueues every job immediately, so that the test need not wait for the period of this one.
    assert scheduler.poll() is None
    scheduler.kill()
    view.flush()
    start("schedule", standard_error=standard_error)
    await eventually(has_succeeded)
    assert set(children_of(pool.pid)) == set(workers)


async def test_a_failed_job_is_counted_and_logged_by_name(
    connections: Pool, start: Start, view: View, redis_url: str, tmp_path: Path
) -> None:
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        await connection.execute(b"alter table idempotency_keys rename to elsewhere")
    start("run")
    start("schedule")

    async def has_failed() -> bool:
        return any(tally.failed for tally in (await jobs_state(redis_url)).tally)

    await eventually(has_failed)
    (failed,) = [tally.name for tally in (await jobs_state(redis_url)).tally if tally.failed]
    assert failed == "purge_idempotency_keys"
    lines: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "0.log").read_text().splitlines()]
    line = next(line for line in lines if line["event"] == "job_failed")
    assert line["job"].endswith("purge_idempotency_keys")
    assert line["job_id"]
