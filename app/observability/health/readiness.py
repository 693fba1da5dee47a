"""Readiness: the parts that are missing for the API to work, and the remedy for each.

The API is not ready without the database, or if the schema lacks a migration, because no request can be served. The
same holds while this process cannot verify keys, and while it shuts down. All other faults leave verification and
management working. The API is then only degraded, and a load balancer must keep it in service.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from app.observability.health.log_status import LogState
from app.observability.health.snapshot import State
from app.observability.health.worker_status import JobDue, JobsState
from infrastructure.database.clock import is_too_far

OK = "ok"

WORKER_SECONDS_MAX = 90
"""A worker sends a heartbeat every second, or before and after a job, which takes at most a minute."""

SCHEDULER_SECONDS_MAX = 30
LAG_SECONDS_MAX = 60
PARTITIONS_AHEAD_MIN = 2

_NEEDED = ("process", "database", "migrations", "verification")


class Readiness(Struct, frozen=True):
    """`checks` by name of the part: `ok`, or what is missing and the remedy."""

    status: Literal["ready", "degraded", "not ready"]
    checks: Mapping[str, str]


def readiness(state: State, *, redis_configured: bool, at: float, is_draining: bool) -> Readiness:
    """Return the readiness at `at`, in Unix seconds."""
    process = "shutting down: send requests to another process" if is_draining else OK
    verification = OK if state.verifies else "no key can be verified: see the log of the API"
    checks = {
        "process": process,
        "verification": verification,
        **_log_checks(state.log, state.unusable),
        **_job_checks(state.jobs, redis_configured=redis_configured, at=at),
        "clock": _clock(state),
    }
    if any(checks.get(name) != OK for name in _NEEDED):
        return Readiness("not ready", checks)
    return Readiness("ready" if all(message == OK for message in checks.values()) else "degraded", checks)


def _log_checks(log: LogState | None, unusable: str | None) -> dict[str, str]:
    if log is None:
        away = "does not answer: start it, or correct DATABASE_URL"
        return {"database": unusable or away, "migrations": "not known"}
    if log.missing_migrations:
        names = ", ".join(log.missing_migrations)
        return {"database": OK, "migrations": f"missing: {names}: run python -m eventstore migrate"}
    return {"database": OK, "migrations": OK, "followers": _followers(log), "partitions": _partitions(log)}


def _clock(state: State) -> str:
    ahead = {
        "this server": None if state.log is None else state.log.clock_seconds,
        "a worker": None if state.jobs is None else state.jobs.clock_seconds,
    }
    problems = [
        f"the clock of {whose} is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} the database's"
        for whose, seconds in ahead.items()
        if seconds is not None and is_too_far(timedelta(seconds=seconds))
    ]
    if problems:
        return f"{'; '.join(problems)}: correct it (NTP). Until then it does nothing that cannot be undone"
    return OK if state.log is not None else "not known"


def _followers(log: LogState) -> str:
    if log.stopped:
        # The reason is left out: this route is public, and the reason may contain data of an event.
        where = ", ".join(
            f"{lane.projection} in lane {lane.lane} of {lane.log} at {lane.position}" for lane in log.stopped
        )
        return f"stopped: {where}: python -m projections status shows the reason"
    late = [lag for lag in log.followers if lag.seconds is not None and lag.seconds > LAG_SECONDS_MAX]
    if not late:
        return OK
    behind = ", ".join(f"{lag.projection} is {lag.seconds:.0f} s and {lag.positions} positions behind" for lag in late)
    return f"{behind}: look for lane_stopped in the log of the workers, or start more of them"


def _partitions(log: LogState) -> str:
    if log.partitions_ahead >= PARTITIONS_AHEAD_MIN or not log.heads or not any(head.position for head in log.heads):
        return OK
    return f"made for {log.partitions_ahead} days ahead: check that the workers, which create them, are running"


def _job_checks(jobs: JobsState | None, *, redis_configured: bool, at: float) -> dict[str, str]:
    if jobs is None:
        message = (
            "does not answer: start it, or correct REDIS_URL"
            if redis_configured
            else "REDIS_URL is not set: without it no rate limit applies, and no worker runs"
        )
        return {"redis": message, "workers": "not known", "scheduler": "not known", "jobs": "not known"}
    return {
        "redis": OK,
        "workers": _heartbeat_check(jobs.worker_heartbeat, at, WORKER_SECONDS_MAX, "worker", "python -m workers run"),
        "scheduler": _heartbeat_check(
            jobs.scheduler_heartbeat, at, SCHEDULER_SECONDS_MAX, "scheduler", "python -m workers schedule"
        ),
        "jobs": _jobs(jobs.due),
    }


def _jobs(due: Sequence[JobDue]) -> str:
    if not due:
        return "not known: no scheduler has published its jobs. Start one with python -m workers schedule"
    problems = [
        f"{job.name} is late: no run has succeeded for {job.unfinished:.0f} s, and it is due every {job.period:g} s"
        if job.is_late
        else f"{job.name} failed the last time"
        for job in due
        if job.is_late or job.failed
    ]
    if not problems:
        return OK
    return f"{'; '.join(problems)}. Run python -m workers status, and look for job_failed and job_timed_out in the log"


def _heartbeat_check(heartbeat: float | None, at: float, seconds_max: int, what: str, command: str) -> str:
    if heartbeat is None:
        return f"no {what} runs: start one with {command}"
    seconds = at - heartbeat
    if seconds > seconds_max:
        return f"no {what} was heard of for {seconds:.0f} s: start one with {command}"
    return OK
