"""Readiness: failed checks name their remedy, and only failures that stop requests result in 503."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import httpx2
import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.observability.health.log_status import FollowerLag, LogState
from app.observability.health.readiness import Readiness, readiness
from app.observability.health.snapshot import State
from app.observability.health.worker_status import JobDue, JobsState
from embedded.postgres import SUPERUSER, PostgreSQL
from eventstore.lane_heads import Head
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.engine.stopped_lanes import Stopped
from projections.read_models.usage.apply import USAGE
from projections.registry import ASYNC_PROJECTIONS
from tests.app.api.usage.usage_data import record
from tests.app.conftest import StartApi
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api
from tests.programs import run_program
from tests.projections.usage.uses import used
from tests.waiting import eventually

AT = 1_800_000_000.0
LOG = LogState(
    missing_migrations=(),
    heads=[Head("usage", 0, 7)],
    followers=[FollowerLag("usage", "usage", positions=3, seconds=1.5)],
    partitions_ahead=7,
)
JOBS = JobsState(
    queues=(),
    workers=1,
    worker_heartbeat=AT - 2,
    schedulers=1,
    scheduler_heartbeat=AT - 1,
    tally=(),
    due=[JobDue("expire_keys", period=1, late_after=30, unfinished=29.5)],
)


def found(
    log: LogState | None = LOG, jobs: JobsState | None = JOBS, *, verifies: bool = True, is_draining: bool = False
) -> Readiness:
    return readiness(State(log, jobs, verifies=verifies), redis_configured=True, at=AT, is_draining=is_draining)


def test_an_api_with_all_its_dependencies_is_ready() -> None:
    assert found().status == "ready"
    assert set(found().checks) == {
        "process", "verification", "database", "migrations", "followers", "partitions", "redis", "workers", "scheduler",
        "jobs", "clock",
    }  # fmt: skip
    assert set(found().checks.values()) == {"ok"}


@pytest.mark.parametrize(
    ("log", "part", "remedy"),
    [
        (None, "database", "DATABASE_URL"),
        (LogState(missing_migrations=("0007_later",)), "migrations", "python -m eventstore migrate"),
    ],
)
def test_an_api_without_a_database_or_its_schema_is_not_ready(log: LogState | None, part: str, remedy: str) -> None:
    answer = found(log)
    assert answer.status == "not ready"
    assert remedy in answer.checks[part]


def test_a_process_that_cannot_verify_keys_is_not_ready() -> None:
    answer = found(verifies=False)
    assert answer.status == "not ready"
    assert "no key can be verified" in answer.checks["verification"]


def test_a_process_that_is_shutting_down_is_not_ready() -> None:
    answer = found(is_draining=True)
    assert answer.status == "not ready"
    assert "shutting down" in answer.checks["process"]


@pytest.mark.parametrize(
    ("jobs", "part", "remedy"),
    [
        (None, "redis", "REDIS_URL"),
        (JobsState((), 0, None, 1, AT, ()), "workers", "python -m workers run"),
        (JobsState((), 1, AT - 91, 1, AT, ()), "workers", "for 91 s"),
        (JobsState((), 1, AT, 0, None, ()), "scheduler", "python -m workers schedule"),
        (JobsState((), 1, AT, 1, AT - 31, ()), "scheduler", "for 31 s"),
    ],
)
def test_an_api_without_valkey_workers_or_a_scheduler_is_degraded(
    jobs: JobsState | None, part: str, remedy: str
) -> None:
    answer = found(jobs=jobs)
    assert answer.status == "degraded"
    assert remedy in answer.checks[part]


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ((), "python -m workers schedule"),
        ([JobDue("compose_alert_mails", 1, 30, 1_500)], "compose_alert_mails is late: no run has succeeded for 1500 s"),
        ([JobDue("create_partitions", 3_600, 10_800, 60, failed=True)], "create_partitions failed the last time"),
    ],
)
def test_a_late_or_failed_job_is_named(due: Sequence[JobDue], expected: str) -> None:
    answer = found(jobs=msgspec.structs.replace(JOBS, due=due))
    assert answer.status == "degraded"
    assert expected in answer.checks["jobs"]


@pytest.mark.parametrize(("seconds", "expected"), [(2.5, "2.5 s ahead of"), (-600.0, "600.0 s behind")])
def test_a_wrong_clock_is_reported_with_its_process(seconds: float, expected: str) -> None:
    of_api = found(log=msgspec.structs.replace(LOG, clock_seconds=seconds))
    of_worker = found(jobs=msgspec.structs.replace(JOBS, clock_seconds=seconds))
    assert (of_api.status, of_worker.status) == ("degraded", "degraded")
    assert f"the clock of this server is {expected} the database's" in of_api.checks["clock"]
    assert f"the clock of a worker is {expected} the database's" in of_worker.checks["clock"]
    assert found(jobs=msgspec.structs.replace(JOBS, clock_seconds=1.9)).status == "ready"


def test_a_read_model_that_lags_is_named() -> None:
    late = LogState((), LOG.heads, [FollowerLag("usage", "usage", positions=900, seconds=61.0)], 7)
    assert found(late).status == "degraded"
    assert "usage is 61 s and 900 positions behind" in found(late).checks["followers"]


def test_a_stopped_read_model_is_named_without_the_content_of_the_event() -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    lane = Stopped("usage", 1, "usage", lane=5, position=7, reason="a secret", since=at)
    stopped = LogState((), LOG.heads, LOG.followers, 7, [lane])
    assert found(stopped).status == "degraded"
    assert found(stopped).checks["followers"].startswith("stopped: usage in lane 5 of usage at 7")
    assert "secret" not in found(stopped).checks["followers"]


def test_missing_partitions_are_reported_after_the_first_event() -> None:
    assert "workers, which create them" in found(LogState((), LOG.heads, LOG.followers, 1)).checks["partitions"]
    assert found(LogState((), [Head("usage", 0, 0)], LOG.followers, 0)).checks["partitions"] == "ok"


@pytest.mark.usefixtures("redis_url")  # empties Valkey, where workers of other tests may have registered
def test_a_server_without_workers_is_degraded_and_responds(api: Api) -> None:
    eventually(lambda: "python -m workers run" in api.client().get("/health/ready").data["checks"]["workers"])
    answer = api.client().get("/health/ready")
    assert answer.status == 200
    assert answer.data["status"] == "degraded"
    assert answer.data["checks"]["database"] == "ok"
    assert answer.data["checks"]["redis"] == "ok"
    assert "python -m workers run" in answer.data["checks"]["workers"]


@pytest.fixture(scope="module")
def without_valkey(start_api: StartApi) -> Api:
    return start_api(REDIS_URL="redis://127.0.0.1:1")


def test_a_server_without_valkey_is_degraded_and_responds(without_valkey: Api) -> None:
    answer = without_valkey.client().get("/health/ready")
    assert (answer.status, answer.data["status"]) == (200, "degraded")
    assert "REDIS_URL" in answer.data["checks"]["redis"]
    assert value(scrape(without_valkey), "keyledger_source_up", source="valkey") == 0
    assert value(scrape(without_valkey), "keyledger_source_up", source="database") == 1


def test_a_server_without_a_migration_is_not_ready(without_valkey: Api) -> None:
    db = without_valkey.database
    ((name, checksum),) = db.rows("select name, checksum from schema_migrations order by applied_at desc limit 1")
    db.rows("delete from schema_migrations where name = %s", name)
    try:
        eventually(lambda: _ready(without_valkey).status_code == 503)
        body = _ready(without_valkey).json()
        assert (body["success"], body["data"]["status"]) == (False, "not ready")
        assert name in body["data"]["checks"]["migrations"]
        assert _ready(without_valkey).headers["retry-after"] == "1"
        assert value(scrape(without_valkey), "keyledger_migrations_missing") == 1
    finally:
        db.rows("insert into schema_migrations (name, checksum) values (%s, %s)", name, checksum)
    eventually(lambda: _ready(without_valkey).status_code == 200)


def repair_lane(api: Api, unsafe_connection: psycopg.Connection, lane: int, position: int) -> None:
    unsafe_connection.execute("insert into usage_events select * from lost")


def skip_lane(api: Api, unsafe_connection: psycopg.Connection, lane: int, position: int) -> None:
    words = ("projections", "skip", "usage", str(lane), str(position), "--reason", "Lost", "--yes")
    assert run_program(*words, environment={"DATABASE_URL": api.database.url}).returncode == 0


@pytest.mark.parametrize("remedy", [repair_lane, skip_lane])
def test_a_stopped_lane_is_reported_until_it_continues(
    without_valkey: Api,
    unsafe_connection: psycopg.Connection,
    remedy: Callable[[Api, psycopg.Connection, int, int], None],
) -> None:
    api = without_valkey
    record(api, now(), [used("key_a", now()), used("key_b", now())])
    ((lane, position),) = api.database.rows(
        "select lane, batch_no from usage_batches order by occurred_at desc limit 1"
    )
    lane_position = (lane, position)
    unsafe_connection.execute(
        "create table lost as select * from usage_events where (lane, batch_no, ordinal) = (%s, %s, 1)", lane_position
    )
    unsafe_connection.execute("delete from usage_events where (lane, batch_no, ordinal) = (%s, %s, 1)", lane_position)
    expected = f"stopped: usage in lane {lane} of usage at {position}: python -m projections status shows the reason"
    try:
        assert count_uses(api) == {lane}
        eventually(lambda: stopped_lanes(api) == {"usage": 1})
        eventually(lambda: _ready(api).json()["data"]["checks"]["followers"] == expected)
        remedy(api, unsafe_connection, lane, position)
        assert count_uses(api) == set()
        eventually(lambda: stopped_lanes(api) == {})
        assert "stopped" not in _ready(api).json()["data"]["checks"]["followers"]
    finally:
        unsafe_connection.execute("drop table lost")


def count_uses(api: Api) -> set[int]:
    """Run the usage read model as a worker does, and return the stopped lanes."""

    async def run() -> set[int]:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            return set((await run_projection(connection, USAGE, 60)).stopped)

    return api.database.run(run())


def stopped_lanes(api: Api) -> dict[str, float]:
    """Return the number of stopped lanes of each read model that has any, and check that all are reported."""
    family = scrape(api)["keyledger_follower_stopped_lanes"]
    found = {(each.labels["projection"], each.labels["log"]): each.value for each in family.samples}
    assert set(found) == {(each.name, each.log) for each in ASYNC_PROJECTIONS}
    return {projection: lanes for (projection, _), lanes in found.items() if lanes}


@pytest.fixture
def unsafe_connection(without_valkey: Api, postgres: PostgreSQL) -> Iterator[psycopg.Connection]:
    """A connection that can damage the log like a bad restore or disk."""
    name = str(conninfo_to_dict(without_valkey.database.url)["dbname"])
    with psycopg.connect(postgres.url_of(name, SUPERUSER), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


def _ready(api: Api) -> httpx2.Response:
    return httpx2.get(f"{api.url}/health/ready")
