"""The commands `status`, `retry-failed` and `forget-failed` of the workers, also while Valkey is unavailable."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (the annotations of redis leave type arguments out)

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from embedded.valkey import Valkey
from infrastructure.database.connections import Pool
from tests.programs import run_program
from tests.workers.conftest import Start
from tests.workers.log_view import eventually
from tests.workers.valkey_view import View
from workers.schedule import ISOLATED_QUEUES, QUEUES

pytestmark = pytest.mark.anyio

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(database_url: str, redis_url: str) -> Command:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}

    async def run(*words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(run_program, "workers", *words, environment=environment)
        return result.returncode, result.stdout

    return run


async def test_the_status_shows_the_last_and_next_run_of_each_job(start: Start, view: View, command: Command) -> None:
    start("run")
    start("schedule")
    seen: dict[str, Any] = {}

    async def all_ran() -> bool:
        code, text = await command("status", "--json")
        assert code == 0
        seen.update(json.loads(text))
        return all(job["last"] and job["next"] for job in seen["jobs"]["schedule"])

    await eventually(all_ran)
    jobs = {job["job"]: job for job in seen["jobs"]["schedule"]}
    assert set(jobs) == set(QUEUES)
    assert {job["last"]["outcome"] for job in jobs.values()} == {"succeeded"}
    assert all(job["last"]["seconds"] > 0 for job in jobs.values())
    assert jobs["create_partitions"]["next"] > jobs["create_partitions"]["last"]["ended"]
    assert (len(seen["jobs"]["workers"]), len(seen["jobs"]["schedulers"])) == (1 + len(ISOLATED_QUEUES), 1)
    assert {follower["behind"] for follower in seen["followers"]} == {0}
    code, text = await command("status")
    assert (code, "succeeded" in text, "0 failed jobs" in text) == (0, True, True)


async def test_a_failed_job_is_reported_and_can_be_retried_and_forgotten(
    connections: Pool, start: Start, view: View, command: Command
) -> None:
    async def rename(before: bytes, after: bytes) -> None:
        async with connections.connection() as connection:
            await connection.execute(b"set role none")
            await connection.execute(b"alter table " + before + b" rename to " + after)

    await rename(b"idempotency_keys", b"elsewhere")
    start("run")
    scheduler = start("schedule")

    async def status() -> dict[str, Any]:
        document: dict[str, Any] = json.loads((await command("status", "--json"))[1])
        return document["jobs"]

    async def has_failed() -> bool:
        return bool((await status())["failed"])

    await eventually(has_failed)
    # On a busy machine, the scheduler could start the job of the next minute meanwhile.
    scheduler.terminate()
    await asyncio.to_thread(scheduler.wait)
    (failed,) = (await status())["failed"]
    assert failed["job"] == "purge_idempotency_keys"
    assert failed["error"].startswith('psycopg.errors.UndefinedTable: relation "idempotency_keys" does not exist')
    assert failed["at"]

    async def last() -> str:
        jobs = (await status())["schedule"]
        return next(job["last"]["outcome"] for job in jobs if job["job"] == "purge_idempotency_keys")

    assert await last() == "failed"
    assert await command("retry-failed", "create_partitions") == (0, "nothing had failed\n")
    code, text = await command("retry-failed", "create_partitions", "--json")
    assert (code, json.loads(text)) == (0, {"retried": []})
    assert await command("forget-failed") == (2, ""), "without a terminal, it needs --yes"
    assert await command("retry-failed") == (0, "tried again: purge_idempotency_keys\n")
    await eventually(has_failed)
    code, text = await command("forget-failed", "create_partitions", "--yes", "--json")
    assert (code, json.loads(text)) == (0, {"forgotten": 0})
    assert await command("forget-failed", "--yes") == (0, "1 forgotten\n")
    assert not await has_failed()


async def test_the_status_ignores_a_job_that_ends_while_it_is_read(start: Start, view: View, command: Command) -> None:
    """A worker has an execution whose job no longer exists."""
    start("run")

    async def is_running() -> bool:
        return bool(view.workers())

    await eventually(is_running)
    gone = Job("gone", connection=view.client, serializer=JSONSerializer)
    with view.client.pipeline() as pipeline:
        Execution.create(gone, 60, pipeline, worker_name=view.workers()[0])
        pipeline.execute()
    code, text = await command("status", "--json")
    assert code == 0
    assert {job["running"] for job in json.loads(text)["jobs"]["schedule"]} == {0}


async def test_the_status_without_valkey_reports_the_outage_and_the_rest(command: Command, valkey: Valkey) -> None:
    try:
        valkey.stop()
        code, text = await command("status")
        assert (code, text.startswith("Valkey does not answer"), "usage: 0 positions of usage behind" in text) == (
            1,
            True,
            True,
        )
        assert (await command("retry-failed"))[0] == 1
    finally:
        valkey.start()
