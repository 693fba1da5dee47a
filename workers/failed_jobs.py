"""Failed jobs: list them, retry them or delete their records.

The next tick completes the work of a failed job. This module is for operators who look for the cause, or who do not
want to wait for the next tick of an hourly job.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (the annotations of redis and rq leave type arguments out)

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from workers.schedule import QUEUES
from workers.valkey import Valkey

_ERROR_MAX = 300


class Failed(Struct, frozen=True):
    """A failed job. `error` is the line that names the exception."""

    job: str
    id: str
    at: datetime | None
    error: str


def failed_jobs(connection: Valkey, names: Sequence[str] = QUEUES) -> list[Failed]:
    """Return the failed jobs, newest first. Records are kept for `workers.scheduler.FAILURE_KEPT_SECONDS`."""
    failed = [
        Failed(name, job.id, _aware(job.ended_at), _error(job))
        for name in names
        for job in _stored_jobs(connection, name)
    ]
    return sorted(failed, key=lambda each: each.at or datetime.min.replace(tzinfo=UTC), reverse=True)


def retry(connection: Valkey, names: Sequence[str]) -> list[str]:
    """Enqueue each failed job again unless it is already waiting, and return the names.

    One run completes the work of any number of failures of a job.
    """
    tried: list[str] = []
    for name in names:
        jobs = _stored_jobs(connection, name)
        if not jobs:
            continue
        registry = _registry(connection, name)
        if Queue(name, connection=connection, serializer=JSONSerializer).count == 0:
            registry.requeue(jobs.pop().id)
            tried.append(name)
        for job in jobs:
            registry.remove(job, delete_job=True)
    return tried


def forget(connection: Valkey, names: Sequence[str]) -> int:
    """Delete the records of the failed jobs and return how many there were."""
    forgotten = 0
    for name in names:
        registry = _registry(connection, name)
        for job in _stored_jobs(connection, name):
            registry.remove(job, delete_job=True)
            forgotten += 1
    return forgotten


def _registry(connection: Valkey, name: str) -> FailedJobRegistry:
    return FailedJobRegistry(name, connection=connection, serializer=JSONSerializer)


def _stored_jobs(connection: Valkey, name: str) -> list[Job]:
    ids = _registry(connection, name).get_job_ids()
    return [job for job in Job.fetch_many(ids, connection=connection, serializer=JSONSerializer) if job is not None]


def _error(job: Job) -> str:
    result = job.latest_result()
    text = (result.exc_string if result is not None else None) or ""
    # Take what follows the last frame: its source is indented, and details of the message are on separate lines.
    _, _, end = text.rpartition('\n  File "')
    lines = [line for line in end.splitlines()[1:] if line and not line.startswith(" ")] or text.splitlines()[-1:]
    return lines[0][:_ERROR_MAX] if lines else "unknown"


def _aware(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)
