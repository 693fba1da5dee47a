from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from freezegun import freeze_time

import workers.jobs
from tests.workers.conftest import Start
from tests.workers.log_view import eventually
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES, QUEUES, SCHEDULE, SHARED_QUEUES
from workers.scheduler import Scheduler
from workers.valkey import connect

pytestmark = pytest.mark.anyio


async def test_two_schedulers_do_not_duplicate_jobs_and_queues_do_not_grow_without_a_worker(
    start: Start, view: View
) -> None:
    start("schedule")
    start("schedule")

    async def both_run() -> bool:
        return view.schedulers() == 2

    await eventually(both_run)
    await anyio.sleep(3)
    assert view.waiting() == [1] * len(QUEUES)
    assert view.jobs_kept() == len(QUEUES)

    start("run")
    await eventually(lambda: _has_worked(view))
    before, _ = view.jobs_done()
    await anyio.sleep(4)
    after, failed = view.jobs_done()
    every_second = sum(scheduled.every == 1 for scheduled in SCHEDULE)
    assert 2 * every_second <= after - before <= 6 * every_second  # not twice as many
    assert failed == 0
    assert view.jobs_kept() <= len(QUEUES)  # results are not kept


async def _has_worked(view: View) -> bool:
    return view.jobs_done()[0] > len(QUEUES)


def test_jobs_continue_after_the_clock_is_set_back(redis_url: str, view: View) -> None:
    with freeze_time("2026-03-01 12:00:00") as clock, connect(redis_url) as connection:
        scheduler = Scheduler(connection)
        assert len(scheduler.enqueue_jobs()) == len(SCHEDULE)
        assert scheduler.enqueue_jobs() == []
        clock.tick(timedelta(hours=-2))
        view.flush()
        assert len(scheduler.enqueue_jobs()) == len(SCHEDULE)
        assert view.waiting() == [1] * len(QUEUES)


def test_a_scheduler_starts_with_every_job(redis_url: str, view: View) -> None:
    with freeze_time("2026-03-01 12:00:00") as clock, connect(redis_url) as connection:
        Scheduler(connection).enqueue_jobs()
        view.drop_waiting()
        clock.tick(timedelta(minutes=1))
        Scheduler(connection).enqueue_jobs()
        assert view.waiting() == [1] * len(QUEUES)


def test_every_job_has_a_separate_queue() -> None:
    assert len(set(QUEUES)) == len(SCHEDULE)


def test_every_job_is_scheduled_under_the_name_of_its_file() -> None:
    files = {file.stem for file in Path(workers.jobs.__path__[0]).glob("*.py")} - {"__init__"}
    assert {job.name for job in SCHEDULE} == files
    assert {f"workers.jobs.{job.name}" for job in SCHEDULE} == {job.run.__module__ for job in SCHEDULE}


def test_only_jobs_that_may_wait_have_isolated_processes() -> None:
    assert set(ISOLATED_QUEUES) == {
        "aggregate_usage",
        "apply_retention",
        "check_mcp_health",
        "deliver_mail",
        "deliver_webhooks",
    }
    assert sorted(QUEUES) == sorted([*SHARED_QUEUES, *ISOLATED_QUEUES])
