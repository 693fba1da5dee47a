"""The figures of `/metrics` about workers, queues and read models are those of Valkey and PostgreSQL, to the number."""
# pyright: reportUnknownMemberType=false

import os
import signal
import subprocess
from datetime import timedelta

from rq import Worker
from rq.serializers import JSONSerializer

from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.registry import ASYNC_PROJECTIONS, USAGE_PROJECTIONS
from tests.app.api.usage.usage_data import count, record
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
from tests.projections.usage.uses import used
from tests.waiting import eventually
from tests.workers.conftest import Start
from tests.workers.valkey_view import View
from workers.schedule import QUEUES

LATE = timedelta(seconds=100)
LEAST = 90
"""The instant for which they are told is some moments before they were looked at."""


def by_label(api: Api, name: str, label: str, **labels: str) -> dict[str, float]:
    """The figures of this name that have these labels, by one more."""
    found = [each for family in scrape(api).values() for each in family.samples if each.name == name]
    return {each.labels[label]: each.value for each in found if labels.items() <= each.labels.items()}


def killed(process: subprocess.Popen[bytes]) -> None:
    """From now on nothing of it changes anything."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def heard_of(view: View) -> float:
    """When the last of the workers was, as rq tells."""
    workers = Worker.all(connection=view.client, serializer=JSONSerializer)
    return max(worker.last_heartbeat.timestamp() for worker in workers if worker.last_heartbeat)


def test_jobs_that_wait_that_failed_and_that_succeeded_are_counted_apart(api: Api, start: Start, view: View) -> None:
    api.database.rows("alter table idempotency_keys rename to elsewhere")
    scheduler = start("schedule")
    eventually(lambda: set(view.waiting()) == {1})
    killed(scheduler)
    nothing = dict.fromkeys(QUEUES, 0)
    eventually(lambda: by_label(api, "keyledger_queue_waiting_jobs", "queue") == dict.fromkeys(QUEUES, 1))
    assert by_label(api, "keyledger_queue_failed_jobs", "queue") == nothing
    assert by_label(api, "keyledger_jobs_total", "job") == {}

    workers = start("run")
    failing = "purge_idempotency_keys"
    failed = {name: int(name == failing) for name in QUEUES}
    succeeded = {name: int(name != failing) for name in QUEUES}
    eventually(lambda: by_label(api, "keyledger_jobs_total", "job", outcome="failed") == failed)
    eventually(lambda: by_label(api, "keyledger_jobs_total", "job", outcome="succeeded") == succeeded)
    killed(workers)
    eventually(lambda: by_label(api, "keyledger_queue_failed_jobs", "queue") == failed)
    assert by_label(api, "keyledger_queue_waiting_jobs", "queue") == nothing
    name = "keyledger_worker_last_heartbeat_timestamp_seconds"
    eventually(lambda: abs(value(scrape(api), name) - heard_of(view)) < 0.001)


def write(api: Api, producer: str, late: timedelta) -> None:
    at = now() - late
    record(api, at, [used("key_a", at)], producer)


def follow_uses(api: Api) -> None:
    async def followed() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            for follower in USAGE_PROJECTIONS:
                assert (await run_projection(connection, follower, 60)).stopped == {}

    api.database.run(followed())


def test_how_far_a_read_model_is_behind_is_told_in_positions_and_in_seconds(api: Api) -> None:
    positions = "keyledger_follower_lag_positions"
    seconds = "keyledger_follower_lag_seconds"
    uses = {each.name for each in USAGE_PROJECTIONS}
    write(api, "p", timedelta(0))
    follow_uses(api)
    nothing = {each.name: 0.0 for each in ASYNC_PROJECTIONS}
    eventually(lambda: by_label(api, positions, "projection") == nothing)
    assert by_label(api, seconds, "projection") == nothing

    began = now()
    for producer, late in (("p", timedelta(0)), ("q", LATE), ("p", timedelta(0))):
        write(api, producer, late)
    behind = {each.name: 3.0 * (each.name in uses) for each in ASYNC_PROJECTIONS}
    eventually(lambda: by_label(api, positions, "projection") == behind)
    told = by_label(api, seconds, "projection", log="usage")
    most = (now() - began + LATE).total_seconds()
    assert set(told) == uses
    # The oldest of them is what counts.
    assert all(LEAST <= each <= most for each in told.values())

    count(api)  # those who do not count them stay behind
    eventually(lambda: by_label(api, positions, "projection") == {**behind, "usage": 0.0})
    told = by_label(api, seconds, "projection", log="usage")
    assert {name for name, late in told.items() if late >= LEAST} == uses - {"usage"}
    assert told["usage"] == 0
    # Of changes nobody can tell since when they wait: no figure is better than one that is made up.
    api.organization()
    eventually(lambda: set(by_label(api, seconds, "projection")) == uses)
    of_changes = by_label(api, positions, "projection", log="lifecycle")
    ((head,),) = api.database.rows("select sum(head)::int from lane_heads where log = 'lifecycle'")
    assert set(of_changes.values()) == {float(head)}
