"""Jobs that take longer than their period let the others have their turn, and a job that is late is told everywhere."""
# pyright: reportUnknownMemberType=false
# (the annotations of rq leave type arguments out)

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
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
    """One worker, whose first queue has jobs that take twenty times as long as those of the others; none is empty."""
    for name in NAMES:
        queue = Queue(name, connection=view.client, serializer=JSONSerializer)
        job = slow_jobs.greedy if name == NAMES[0] else slow_jobs.quick
        for _ in range(200):
            queue.enqueue_call(job, result_ttl=0)
    process = multiprocessing.get_context("fork").Process(target=work, args=("one", redis_url, os.getpid(), NAMES))
    process.start()
    yield
    process.kill()
    process.join()


@pytest.mark.usefixtures("worker")
def test_a_job_that_is_always_due_and_takes_long_leaves_the_others_their_turns(view: View) -> None:
    eventually(lambda: runs_of(view)[NAMES[0]] >= RUNS)
    runs = runs_of(view)
    # Each of the others had as much time, and so at least as many turns; the last one may be under way.
    assert min(runs.values()) >= RUNS - 1, runs


def test_jobs_that_hang_keep_no_other_from_running_and_are_reported(
    api: Api, start: Start, view: View, database_url: str, tmp_path: Path
) -> None:
    """Two jobs of a second take longer than that each time, since what they ask for is locked."""
    scheduler_log = tmp_path / "1.log"
    start("run")
    start("schedule")
    blocked = {"expire_keys", "retire_secrets"}

    def standing() -> dict[str, Any]:
        environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": view.url}
        asked = [sys.executable, "-m", "workers", "status", "--json"]
        said = subprocess.run(asked, env=environment, capture_output=True, check=True).stdout
        return {job["job"]: job for job in json.loads(said)["jobs"]["schedule"]}

    def late() -> set[str]:
        return {name for name, job in standing().items() if job["late"]}

    def told_late() -> str:
        checks: dict[str, str] = api.client().get("/health/ready").data["checks"]
        return checks["jobs"]

    def logged(event: str) -> set[str]:
        lines = [json.loads(line) for line in scheduler_log.read_text().splitlines()]
        return {line["job"] for line in lines if line["event"] == event}

    eventually(lambda: all(job["last"] is not None for job in standing().values()))
    with psycopg.connect(database_url) as owner:
        owner.execute("lock table key_list in access exclusive mode")
        eventually(lambda: blocked <= late(), LATE_SECONDS_MIN + 30)
        assert all(f"{name} is late" in told_late() for name in blocked)
        assert api.client().get("/health/ready").data["status"] == "degraded"
        # Those that are due every few seconds and need nothing that is locked, to the last of the table.
        others = {
            "aggregate_usage",
            "run_lifecycle_projections",
            "compose_alert_mails",
            "deliver_mail",
            "deliver_webhooks",
        }
        assert others & late() == set()
        eventually(lambda: blocked <= logged("job_late"), LATE_SECONDS_MIN + 30)
        figures = scrape(api)
        for name in blocked:
            unfinished = value(figures, "keyledger_job_unfinished_seconds", job=name)
            assert unfinished > value(figures, "keyledger_job_late_after_seconds", job=name) == LATE_SECONDS_MIN
            assert standing()[name]["last"]["outcome"] == "incomplete"
        assert value(figures, "keyledger_jobs_total", outcome="failed") == 0
        assert {each.labels["job"] for each in figures["keyledger_job_late_after_seconds"].samples} == set(QUEUES)
        owner.rollback()
    eventually(lambda: told_late() == "ok")
    eventually(lambda: blocked <= logged("job_on_time"))
