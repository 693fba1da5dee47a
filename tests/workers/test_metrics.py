"""Metrics on workers, queues and read models match Valkey and PostgreSQL exactly."""
# pyright: reportUnknownMemberType=false

import os
import signal
from datetime import timedelta

from rq import Worker
from rq.serializers import JSONSerializer

from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.registry import ASYNC_PROJECTIONS, USAGE_PROJECTIONS
from tests.app.api.usage.usage_data import COUNTED, count, record
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
from tests.programs import Running
from tests.projections.usage.uses import used
from tests.waiting import eventually
from tests.workers.conftest import Start
from tests.workers.valkey_view import View
from workers.schedule import QUEUES

DELAY = timedelta(seconds=100)
LAG_SECONDS_MIN = 90
"""The lag refers to a time shortly before the check."""


def by_label(api: Api, name: str, label: str, **labels: str) -> dict[str, float]:
    """Return the values of this metric with these labels, by one further label."""
    found = [each for family in scrape(api).values() for each in family.samples if each.name == name]
    return {each.labels[label]: each.value for each in found if labels.items() <= each.labels.items()}


def kill(process: Running) -> None:
    """Kill the process group, so that nothing of it changes any more."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_heartbeat(view: View) -> float:
    """Return the time of the last heartbeat of any worker, according to rq."""
    workers = Worker.all(connection=view.client, serializer=JSONSerializer)
    return max(worker.last_heartbeat.timestamp() for worker in workers if worker.last_heartbeat)


def test_waiting_failed_and_succeeded_jobs_are_counted_separately(api: Api, start: Start, view: View) -> None:
    api.database.rows("alter table idempotency_keys rename to elsewhere")
    scheduler = start("schedule")
    eventually(lambda: set(view.waiting()) == {1})
    kill(scheduler)
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
    kill(workers)
    eventually(lambda: by_label(api, "keyledger_queue_failed_jobs", "queue") == failed)
    assert by_label(api, "keyledger_queue_waiting_jobs", "queue") == nothing
    name = "keyledger_worker_last_heartbeat_timestamp_seconds"
    eventually(lambda: abs(value(scrape(api), name) - last_heartbeat(view)) < 0.001)


def write(api: Api, producer: str, late: timedelta) -> None:
    at = now() - late
    record(api, at, [used("key_a", at)], producer)


def apply_uses(api: Api) -> None:
    async def followed() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            for follower in USAGE_PROJECTIONS:
                assert (await run_projection(connection, follower, 60)).stopped == {}

    api.database.run(followed())


def test_the_lag_of_a_read_model_is_reported_in_positions_and_seconds(api: Api) -> None:
    positions = "keyledger_follower_lag_positions"
    seconds = "keyledger_follower_lag_seconds"
    uses = {each.name for each in USAGE_PROJECTIONS}
    write(api, "p", timedelta(0))
    apply_uses(api)
    nothing = {each.name: 0.0 for each in ASYNC_PROJECTIONS}
    eventually(lambda: by_label(api, positions, "projection") == nothing)
    assert by_label(api, seconds, "projection") == nothing

    started = now()
    for producer, late in (("p", timedelta(0)), ("q", DELAY), ("p", timedelta(0))):
        write(api, producer, late)
    behind = {each.name: 3.0 * (each.name in uses) for each in ASYNC_PROJECTIONS}
    eventually(lambda: by_label(api, positions, "projection") == behind)
    lags = by_label(api, seconds, "projection", log="usage")
    most = (now() - started + DELAY).total_seconds()
    assert set(lags) == uses
    # The oldest use determines the lag.
    assert all(LAG_SECONDS_MIN <= each <= most for each in lags.values())

    count(api)  # the other projections stay behind
    counted = {each.name for each in COUNTED}
    eventually(lambda: by_label(api, positions, "projection") == behind | dict.fromkeys(counted, 0.0))
    lags = by_label(api, seconds, "projection", log="usage")
    assert {name for name, late in lags.items() if late >= LAG_SECONDS_MIN} == uses - counted
    assert {lags[name] for name in counted} == {0.0}
    # The age of lifecycle events is unknown, so there is no value rather than an invented one.
    api.organization()
    eventually(lambda: set(by_label(api, seconds, "projection")) == uses)
    lifecycle = by_label(api, positions, "projection", log="lifecycle")
    ((head,),) = api.database.rows("select sum(head)::int from lane_heads where log = 'lifecycle'")
    assert set(lifecycle.values()) == {float(head)}
