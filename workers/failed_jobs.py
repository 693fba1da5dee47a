"""Jobs that failed: which, when and of what; tried again, or forgotten.

Since the next tick makes good what a job failed to do, this is for whoever looks for the reason, and does not want to
wait for the next tick of a job of an hour.
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
    """`error` is the line that says what was raised."""

    job: str
    id: str
    at: datetime | None
    error: str


def failed_jobs(connection: Valkey, names: Sequence[str] = QUEUES) -> list[Failed]:
    """Newest first; kept for a while (`workers.scheduler.FAILURE_KEPT_SECONDS`)."""
    found = [
        Failed(name, job.id, _aware(job.ended_at), _error(job)) for name in names for job in _kept(connection, name)
    ]
    return sorted(found, key=lambda each: each.at or datetime.min.replace(tzinfo=UTC), reverse=True)


def retry(connection: Valkey, names: Sequence[str]) -> list[str]:
    """Offer once more each of the jobs that failed, unless it waits already; gives which.

    Whatever a job failed to do several times, one run makes good.
    """
    tried: list[str] = []
    for name in names:
        jobs = _kept(connection, name)
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
    """How many are forgotten."""
    forgotten = 0
    for name in names:
        registry = _registry(connection, name)
        for job in _kept(connection, name):
            registry.remove(job, delete_job=True)
            forgotten += 1
    return forgotten


def _registry(connection: Valkey, name: str) -> FailedJobRegistry:
    return FailedJobRegistry(name, connection=connection, serializer=JSONSerializer)


def _kept(connection: Valkey, name: str) -> list[Job]:
    ids = _registry(connection, name).get_job_ids()
    return [job for job in Job.fetch_many(ids, connection=connection, serializer=JSONSerializer) if job is not None]


def _error(job: Job) -> str:
    result = job.latest_result()
    text = (result.exc_string if result is not None else None) or ""
    # What comes after the last frame: its source is indented, and details of the message come on lines of their own.
    _, _, end = text.rpartition('\n  File "')
    said = [line for line in end.splitlines()[1:] if line and not line.startswith(" ")] or text.splitlines()[-1:]
    return said[0][:_ERROR_MAX] if said else "unknown"


def _aware(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)
