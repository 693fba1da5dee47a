"""A long job does not starve the others, and a late job is reported by every interface."""
# pyright: reportUnknownMemberType=false
# (the annotations of rq leave type arguments out)

import json
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
from tests.programs import run_program
from tests.waiting import eventually
from tests.workers import slow_jobs
from tests.workers.conftest import Start
from tests.workers.valkey_view import View
from workers.job_metrics import HASH
from workers.lateness import LATE_SECONDS_MIN
from workers.schedule import QUEUES
from workers.worker import work

NAMES = ("first", "second", "third", "fourth", "fifth")
RUNS = 4


def runs_of(view: View) -> dict[str, int]:
    counted: dict[bytes, bytes] = view.client.hgetall(HASH)  # type: ignore[assignment]
    return {name: int(counted.get(f"{name}:succeeded".encode(), 0)) for name in NAMES}


@pytest.fixture
def worker(redis_url: str, view: View) -> Iterator[None]:
    """A worker whose first queue has jobs that take twenty times as long as the others; no queue is empty."""
    for name in NAMES:
        queue = Queue(name, connection=view.client, serializer=JSONSerializer)
        job = slow_jobs.slow if name == NAMES[0] else slow_jobs.quick
        for _ in range(200):
            queue.enqueue_call(job, result_ttl=0)
    process = multiprocessing.get_context("fork").Process(target=work, args=("one", redis_url, os.getpid(), NAMES))
    process.start()
    yield
    process.kill()
    process.join()


@pytest.mark.usefixtures("worker")
def test_a_long_job_that_is_always_due_does_not_starve_the_others(view: View) -> None:
    eventually(lambda: runs_of(view)[NAMES[0]] >= RUNS)
    runs = runs_of(view)
    # Each of the others had as much time and therefore at least as many runs; the last one may be in progress.
    assert min(runs.values()) >= RUNS - 1, runs


def test_blocked_jobs_do_not_stop_others_and_are_reported(
    api: Api, start: Start, view: View, database_url: str, tmp_path: Path
) -> None:
    """Two jobs with a period of a second take longer than that each time, since their table is locked."""
    scheduler_log = tmp_path / "1.log"
    start("run")
    start("schedule")
    blocked = {"expire_keys", "retire_secrets"}

    def schedule() -> dict[str, Any]:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": view.url}
        printed = run_program("workers", "status", "--json", environment=environment)
        assert printed.returncode == 0, printed.stderr
        return {job["job"]: job for job in json.loads(printed.stdout)["jobs"]["schedule"]}

    def late() -> set[str]:
        return {name for name, job in schedule().items() if job["late"]}

    def jobs_check() -> str:
        checks: dict[str, str] = api.client().get("/health/ready").data["checks"]
        return checks["jobs"]

    def logged(event: str) -> set[str]:
        lines = [json.loads(line) for line in scheduler_log.read_text().splitlines()]
        return {line["job"] for line in lines if line["event"] == event}

    eventually(lambda: all(job["last"] is not None for job in schedule().values()))
    with psycopg.connect(database_url) as owner:
        owner.execute("lock table key_list in access exclusive mode")
        eventually(lambda: all(f"{name} is late" in jobs_check() for name in blocked), LATE_SECONDS_MIN + 30)
        eventually(lambda: blocked <= late())
        assert api.client().get("/health/ready").data["status"] == "degraded"
        # Jobs that are due every few seconds and need no locked table, down to the last queue.
        others = {
            "aggregate_usage",
            "run_lifecycle_projections",
            "compose_alert_mails",
            "deliver_mail",
            "deliver_webhooks",
        }
        assert others & late() == set()
        eventually(lambda: blocked <= logged("job_late"), LATE_SECONDS_MIN + 30)
        metrics = scrape(api)
        for name in blocked:
            unfinished = value(metrics, "keyledger_job_unfinished_seconds", job=name)
            assert unfinished > value(metrics, "keyledger_job_late_after_seconds", job=name) == LATE_SECONDS_MIN
            assert schedule()[name]["last"]["outcome"] == "incomplete"
        assert value(metrics, "keyledger_jobs_total", outcome="failed") == 0
        assert {each.labels["job"] for each in metrics["keyledger_job_late_after_seconds"].samples} == set(QUEUES)
        owner.rollback()
    eventually(lambda: jobs_check() == "ok")
    eventually(lambda: blocked <= logged("job_on_time"))
