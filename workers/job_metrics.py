"""What the workers did, counted where every process finds it: in Valkey, for `/metrics`.

One hash, four fields a job: `<job>:succeeded`, `<job>:incomplete`, `<job>:failed`, `<job>:seconds`. Lost with Valkey's
data and then counted from nothing again, which Prometheus is used to. A second hash says how each job ran last, for
`status`, and a third when each last succeeded.
"""
# pyright: reportUnknownMemberType=false
# (the annotations of redis leave type arguments out)

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec
import redis
from msgspec import Struct

from infrastructure.log_output import dropped_lines
from workers.lateness import SUCCESSES, time_of
from workers.valkey import Valkey

HASH = "keyledger:jobs"
LOG_LINES_DROPPED = "keyledger:log_lines_dropped"
LAST = "keyledger:last_runs"

Outcome = Literal["succeeded", "incomplete", "failed"]
"""`incomplete`: the database did not answer, or the run was cut off. What is left is for the next tick."""


class LastRun(Struct, frozen=True):
    """The last run of a job: when it ended by the clock of Valkey, how long it took, how it ended."""

    ended: datetime
    seconds: float
    outcome: Outcome


_run = msgspec.json.Decoder(LastRun)


def record(connection: Valkey, job: str, seconds: float, outcome: Outcome) -> None:
    """Count a run. That Valkey does not answer is no reason to fail what was done."""
    with suppress(redis.RedisError), connection.pipeline(transaction=False) as pipeline:
        at = time_of(connection)
        if outcome == "succeeded":
            pipeline.hset(SUCCESSES, job, repr(at))
        pipeline.hincrby(HASH, f"{job}:{outcome}", 1)
        pipeline.hincrbyfloat(HASH, f"{job}:seconds", seconds)
        pipeline.hset(LAST, job, msgspec.json.encode(LastRun(datetime.fromtimestamp(at, UTC), seconds, outcome)))
        pipeline.execute()
    _count_dropped_lines(connection)


class _Told:
    """How many dropped log lines this process has counted in Valkey."""

    lines = 0


def _count_dropped_lines(connection: Valkey) -> None:
    news = dropped_lines() - _Told.lines
    if news > 0:
        with suppress(redis.RedisError):
            connection.incrby(LOG_LINES_DROPPED, news)
            _Told.lines += news


def last_runs(connection: Valkey) -> dict[str, LastRun]:
    """The last run of each job that ever ran since Valkey has its data."""
    kept = cast("dict[bytes, bytes]", cast("Any", connection).hgetall(LAST))
    return {name.decode(): _run.decode(run) for name, run in kept.items()}
