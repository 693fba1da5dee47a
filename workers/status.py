"""Status of the jobs: waiting and last runs, workers, failures, and projections that lag behind.

The status of jobs is in Valkey, and that of read models in PostgreSQL. If one of them does not respond, the report
names it as unavailable and contains the rest.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (the annotations of redis and rq leave type arguments out)

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import redis
from msgspec import Struct
from rq import Worker
from rq.cron import CronScheduler
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from infrastructure.cli import Listing
from infrastructure.database.clock import described, is_too_far
from infrastructure.database.connections import WORKER_ROLE, connect, describe
from projections.engine.runner import lags
from projections.engine.stopped_lanes import stopped_lanes
from projections.registry import ASYNC_PROJECTIONS
from workers.failed_jobs import Failed, failed_jobs
from workers.job_metrics import LastRun, last_runs
from workers.lateness import unfinished
from workers.schedule import SCHEDULE
from workers.valkey import Valkey
from workers.worker import CLOCK


class Schedule(Struct, frozen=True):
    """One job: how many are waiting and running, and its last run. `next`: when the scheduler enqueues it again.

    `unfinished_seconds`: how long no run has succeeded, or None if it was never scheduled. `late`: whether that is too
    long.
    """

    job: str
    interval_seconds: int
    waiting: int
    running: int
    next: datetime | None
    last: LastRun | None
    unfinished_seconds: float | None = None
    late: bool = False


class WorkerSeen(Struct, frozen=True):
    name: str
    state: str
    jobs: Sequence[str]
    heartbeat: datetime | None
    clock_seconds: float | None = None
    """How far the clock of its machine was ahead of the database's clock at the last check."""


class Jobs(Struct, frozen=True):
    schedule: Sequence[Schedule]
    workers: Sequence[WorkerSeen]
    schedulers: Sequence[datetime]
    failed: Sequence[Failed]


class FollowerSeen(Struct, frozen=True):
    """A projection. `behind`: positions that are still to be applied. `stopped`: lanes that cannot continue."""

    projection: str
    log: str
    behind: int
    stopped: Sequence[int]


class Status(Struct, frozen=True):
    """The status of everything.

    `problems` has a line for each server that does not respond; the values it stores are None.
    """

    at: datetime
    jobs: Jobs | None
    followers: Sequence[FollowerSeen] | None
    problems: Sequence[str]


async def status(url: str, connection: Valkey, at: datetime) -> Status:
    problems: list[str] = []
    jobs: Jobs | None = None
    followers: list[FollowerSeen] | None = None
    try:
        jobs = _jobs(connection)
    except redis.RedisError as error:
        problems.append(f"Valkey does not answer: {type(error).__name__}: what is known of jobs is there")
    try:
        followers = await _followers(url)
    except (psycopg.Error, OSError) as error:
        reason = describe(error) if isinstance(error, psycopg.Error) else str(error)
        problems.append(f"PostgreSQL does not answer: {reason}")
    return Status(at, jobs, followers, problems)


def lines(seen: Status) -> Iterator[str]:
    """Yield the report for a pipe, line by line."""
    yield from problem_lines(seen)
    if seen.jobs is not None:
        yield f"{'job':<26}{'every':>7}{'waits':>7}{'runs':>6}  {'last run':<21}{'took':>9}  {'outcome':<12}next"
        for row in map(_cells, seen.jobs.schedule):
            job, every, waiting, running, last, took, outcome, due = row
            yield f"{job:<26}{every:>7}{waiting:>7}{running:>6}  {last:<21}{took:>9}  {outcome:<12}{due}"
    yield from summary_lines(seen)


def problem_lines(seen: Status) -> Sequence[str]:
    return seen.problems


def schedule_listing(jobs: Jobs) -> Listing:
    """Return the schedule as a table."""
    columns = ("job", "every", "waits", "runs", "last run", "took", "outcome", "next")
    return Listing(columns, [_cells(each) for each in jobs.schedule], ("every", "waits", "runs", "took"))


def summary_lines(seen: Status) -> Iterator[str]:
    """Yield the workers, the failed jobs and the followers, line by line."""
    if seen.jobs is not None:
        yield f"{len(seen.jobs.workers)} workers, {len(seen.jobs.schedulers)} schedulers"
        for worker in seen.jobs.workers:
            yield (
                f"  {worker.name}: {worker.state}, last heartbeat {_time(worker.heartbeat)},"
                f" takes {', '.join(worker.jobs)}{_wrong_clock(worker.clock_seconds)}"
            )
        for heartbeat in seen.jobs.schedulers:
            yield f"  scheduler: last heartbeat {_time(heartbeat)}"
        yield f"{len(seen.jobs.failed)} failed jobs"
        for failed in seen.jobs.failed:
            yield f"  {failed.job} at {_time(failed.at)}: {failed.error}"
    for follower in seen.followers or ():
        stopped = f", STOPPED in lanes {', '.join(map(str, follower.stopped))}" if follower.stopped else ""
        yield f"{follower.projection}: {follower.behind} positions of {follower.log} behind{stopped}"


def _cells(each: Schedule) -> tuple[str, ...]:
    last, took, outcome = ("never", "", "")
    if each.last is not None:
        last, took, outcome = _time(each.last.ended), f"{each.last.seconds:.3f} s", each.last.outcome
    due = f"{_time(each.next)}{_late(each)}"
    return each.job, f"{each.interval_seconds} s", str(each.waiting), str(each.running), last, took, outcome, due


def _late(each: Schedule) -> str:
    return f"  LATE: no success for {each.unfinished_seconds:.0f} s" if each.late else ""


def _wrong_clock(seconds: float | None) -> str:
    ahead = timedelta(seconds=seconds or 0.0)
    return f". CLOCK: {described(ahead)}" if is_too_far(ahead) else ""


def _clock(connection: Valkey, worker: BaseWorker) -> float | None:
    stored: Any = connection.hget(worker.key, CLOCK)
    return None if stored is None else float(stored)


def job_of(worker: BaseWorker) -> Job | None:
    """Return the job that a worker is running, or None, also if the job ended during the query."""
    try:
        return worker.get_current_job()
    except NoSuchJobError:
        return None


def _jobs(connection: Valkey) -> Jobs:
    connection.ping()
    runs = last_runs(connection)
    without_success = {each.job: each for each in unfinished(connection)}
    schedulers = CronScheduler.all(connection)
    due: dict[str, datetime] = {}
    for cron in (job for scheduler in schedulers for job in scheduler.get_jobs()):
        if cron.next_enqueue_time is not None:
            following = cron.next_enqueue_time.astimezone(UTC)
            due[cron.queue_name] = min(following, due.get(cron.queue_name, following))
    workers = Worker.all(connection=connection, serializer=JSONSerializer)
    busy = [job.origin for worker in workers if (job := job_of(worker)) is not None]
    return Jobs(
        schedule=[
            Schedule(
                job=each.name,
                interval_seconds=each.every,
                waiting=_number(connection.llen(f"rq:queue:{each.name}")),
                running=busy.count(each.name),
                next=due.get(each.name),
                last=runs.get(each.name),
                unfinished_seconds=seen.seconds if (seen := without_success.get(each.name)) else None,
                late=seen is not None and seen.is_late,
            )
            for each in SCHEDULE
        ],
        workers=[
            WorkerSeen(
                worker.name,
                str(worker.get_state()),
                worker.queue_names(),
                _aware(worker.last_heartbeat),
                _clock(connection, worker),
            )
            for worker in sorted(workers, key=lambda each: each.name)
        ],
        schedulers=[beat for scheduler in schedulers if (beat := _aware(scheduler.last_heartbeat)) is not None],
        failed=failed_jobs(connection),
    )


async def _followers(url: str) -> list[FollowerSeen]:
    async with await connect(url, role=WORKER_ROLE) as connection:
        stopped = await stopped_lanes(connection)
        return [
            FollowerSeen(
                projection.name,
                projection.log,
                sum(lag.behind for lag in await lags(connection, projection)),
                [lane.lane for lane in stopped if lane.projection == projection.name],
            )
            for projection in ASYNC_PROJECTIONS
        ]


def _number(answer: Any) -> int:  # noqa: ANN401 -- redis-py annotates sync and async results alike
    return int(answer)


def _aware(at: datetime | None) -> datetime | None:
    """Return the time with its zone: rq stores UTC, with or without a zone."""
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _time(at: datetime | None) -> str:
    return "unknown" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
