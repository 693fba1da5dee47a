"""State of the workers according to Valkey: running workers, waiting jobs and failed jobs.

The names are rq's own. `app` and `workers` do not import each other. This module reads the same keys as rq's command
line, whichever program runs the workers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

_QUEUES_MAX = 100
_WORKERS_MAX = 1_000
_SECONDS = 1.5
LOG_LINES_DROPPED = "keyledger:log_lines_dropped"
JOB_COUNTS_KEY = "keyledger:jobs"
"""Counters of the workers, `<job>:<what>`; see `workers/job_metrics.py`."""

SCHEDULE = "keyledger:schedule"
FIRST_TICKS = "keyledger:first_ticks"
SUCCESSES = "keyledger:last_successes"
"""Interval, start and last success of each job; see `workers/lateness.py`."""

CLOCK = "keyledger_clock_seconds"
"""Field of a worker's entry: the lead of its clock over the database's clock; see `workers/worker.py`."""

LAST_RUNS = "keyledger:last_runs"
"""Results of the last run of each job; see `workers/job_metrics.py`."""


class ValkeyUnavailable(Exception):
    """Valkey does not answer."""


class Queue(Struct, frozen=True):
    name: str
    waiting: int
    failed: int


class JobCounters(Struct, frozen=True):
    """Counters of one job since Valkey's data was created."""

    name: str
    succeeded: int
    failed: int
    seconds: float
    incomplete: int = 0


class JobDue(Struct, frozen=True):
    """A scheduled job. `unfinished`: seconds without a successful run; `late_after`: seconds after which it is late.

    `failed`: whether its last run failed. All times are by Valkey's clock.
    """

    name: str
    period: float
    late_after: float
    unfinished: float
    failed: bool = False

    @property
    def is_late(self) -> bool:
        return self.unfinished > self.late_after


class JobsState(Struct, frozen=True):
    """`worker_heartbeat`, `scheduler_heartbeat`: Unix seconds of the latest heartbeat of any of them, or None."""

    queues: Sequence[Queue]
    workers: int
    worker_heartbeat: float | None
    schedulers: int
    scheduler_heartbeat: float | None
    tally: Sequence[JobCounters]
    log_lines_dropped: int = 0
    due: Sequence[JobDue] = ()
    clock_seconds: float | None = None
    """Largest lead of a worker's clock over the database's clock; None if unknown."""


async def jobs_state(url: str) -> JobsState:
    """Return the state of the jobs. Raise `ValkeyUnavailable`."""
    client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, decode_responses=True
    )
    try:
        return await _read(client)
    except (RedisError, OSError) as error:
        raise ValkeyUnavailable from error
    finally:
        await client.aclose()


async def _read(client: Any) -> JobsState:  # noqa: ANN401 -- redis has the same types for its sync and async clients
    async with client.pipeline(transaction=False) as first:
        first.smembers("rq:queues")
        first.smembers("rq:workers")
        first.zrange("rq:cron_schedulers", 0, -1, withscores=True)
        first.hgetall(JOB_COUNTS_KEY)
        first.get(LOG_LINES_DROPPED)
        first.time()
        for name in (SCHEDULE, FIRST_TICKS, SUCCESSES, LAST_RUNS):
            first.hgetall(name)
        queue_keys, worker_keys, schedulers, tally, dropped, time, *of_jobs = await first.execute()
    names = sorted(key.removeprefix("rq:queue:") for key in queue_keys)[:_QUEUES_MAX]
    workers = sorted(worker_keys)[:_WORKERS_MAX]
    async with client.pipeline(transaction=False) as second:
        for name in names:
            second.llen(f"rq:queue:{name}")
            second.zcard(f"rq:failed:{name}")
        for key in workers:
            second.hmget(key, "last_heartbeat", CLOCK)
        answers = await second.execute()
    counts, beats = answers[: 2 * len(names)], answers[2 * len(names) :]
    heartbeats = [datetime.fromisoformat(beat).timestamp() for beat, _ in beats if beat]
    clocks = [float(clock) for beat, clock in beats if beat and clock]
    ticks = [score for _, score in schedulers]
    return JobsState(
        queues=[Queue(name, *counts[2 * at : 2 * at + 2]) for at, name in enumerate(names)],
        # A killed worker stays in the set for a while, without its entry.
        workers=len(heartbeats),
        worker_heartbeat=max(heartbeats, default=None),
        schedulers=len(ticks),
        scheduler_heartbeat=max(ticks, default=None),
        tally=_job_counters(tally),
        log_lines_dropped=int(dropped or 0),
        due=_due(time[0] + time[1] / 1_000_000, *of_jobs),
        clock_seconds=max(clocks, key=abs, default=None),
    )


class _Scheduled(Struct, frozen=True):
    period: float
    late_after: float


class _Run(Struct, frozen=True):
    outcome: str


_scheduled = msgspec.json.Decoder(_Scheduled)
_run = msgspec.json.Decoder(_Run)


def _due(
    at: float,
    schedule: Mapping[str, str],
    first_ticks: Mapping[str, str],
    successes: Mapping[str, str],
    last_runs: Mapping[str, str],
) -> list[JobDue]:
    jobs: list[JobDue] = []
    for name in sorted(schedule)[:_QUEUES_MAX]:
        scheduled = _scheduled.decode(schedule[name])
        since = successes.get(name) or first_ticks.get(name) or at
        failed = name in last_runs and _run.decode(last_runs[name]).outcome == "failed"
        unfinished = max(at - float(since), 0.0)
        jobs.append(JobDue(name, scheduled.period, scheduled.late_after, unfinished, failed))
    return jobs


def _job_counters(fields: Mapping[str, str]) -> list[JobCounters]:
    names = sorted({field.partition(":")[0] for field in fields})
    return [
        JobCounters(
            name,
            int(fields.get(f"{name}:succeeded", 0)),
            int(fields.get(f"{name}:failed", 0)),
            float(fields.get(f"{name}:seconds", 0)),
            int(fields.get(f"{name}:incomplete", 0)),
        )
        for name in names[:_QUEUES_MAX]
    ]
