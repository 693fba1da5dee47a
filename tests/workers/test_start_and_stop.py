import os
import signal
import time
from pathlib import Path

import anyio
import pytest

from infrastructure.database.connections import Pool
from infrastructure.database.tenant import read_transaction
from projections.outboxes.webhooks.queries import attempts_of, deliveries
from tests import seed
from tests.process_tree import children_of
from tests.waiting import stretched
from tests.workers.conftest import Start
from tests.workers.hooks import SETTINGS, webhook
from tests.workers.log_view import eventually, is_running
from tests.workers.receiver import receiver
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES, SHARED_QUEUES

pytestmark = pytest.mark.anyio

SLOW_SECONDS = 6.0
"""Process supervisors commonly kill processes earlier."""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_all_processes_stop_within_five_seconds(start: Start, view: View, stop: signal.Signals) -> None:
    pool = start("run", workers=2)
    scheduler = start("schedule")

    async def all_run() -> bool:
        return (view.ready(), view.schedulers()) == (2 + len(ISOLATED_QUEUES), 1)

    await eventually(all_run)
    workers = children_of(pool.pid)
    started = time.monotonic()
    for process in (pool, scheduler):
        process.send_signal(stop)
    assert [pool.wait(60), scheduler.wait(60)] == [0, 0]
    assert time.monotonic() - started < stretched(5)
    assert not any(map(is_running, workers))
    assert (view.workers(), view.schedulers()) == ([], 0)


@pytest.mark.parametrize("every_process", [False, True], ids=["signal to the pool", "signal to every process"])
async def test_a_delivery_finishes_when_the_workers_are_stopped(
    start: Start, connections: Pool, *, every_process: bool
) -> None:
    """The delivery takes as long as its receiver. systemd signals each process of a service."""
    organization_id = await seed.organization(connections)
    with receiver() as target:
        target.answer = lambda _: time.sleep(SLOW_SECONDS) or 204
        webhook_id = await webhook(connections, organization_id, target)
        pool = start("run", **SETTINGS)
        start("schedule", **SETTINGS)
        await seed.key(connections, organization_id)

        async def has_arrived() -> bool:
            return bool(target.received)

        await eventually(has_arrived)
        if every_process:
            os.killpg(pool.pid, signal.SIGTERM)
            await anyio.sleep(1.5)  # the pool signals again
        pool.send_signal(signal.SIGTERM)
        assert pool.wait(stretched(60)) == 0
    async with read_transaction(connections, organization_id) as connection:
        (delivery,) = await deliveries(connection, webhook_id, None, None, 10)
        attempts = await attempts_of(connection, [delivery.delivery_id])
    assert [attempt.status_code for attempt in attempts[delivery.delivery_id]] == [204]


async def test_isolated_queues_have_separate_processes_even_after_a_kill(start: Start, view: View) -> None:
    pool = start("run")

    async def both_run() -> bool:
        return view.queues() == sorted([SHARED_QUEUES, *[(queue,) for queue in ISOLATED_QUEUES]])

    await eventually(both_run)
    for child in children_of(pool.pid):
        os.kill(child, signal.SIGKILL)
        view.flush()
        await eventually(both_run)


@pytest.mark.parametrize("word", ["run", "schedule"])
def test_an_invalid_setting_is_reported_in_one_line(start: Start, word: str, tmp_path: Path) -> None:
    assert start(word, workers=0).wait(30) == 2
    assert (tmp_path / "0.log").read_text() == "WORKERS: must be a whole number from 1 to 256, not '0'\n"
