"""Job metrics, counted in Valkey, where every process can read them for `/metrics`.

One hash has four fields per job: `<job>:succeeded`, `<job>:incomplete`, `<job>:failed`, `<job>:seconds`. If Valkey
loses its data, the counters restart at zero, which Prometheus handles. A second hash contains the last run of each job,
for `status`. A third contains the time of its last success.
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
"""The result of a run.

`incomplete`: the database did not respond, or the run was cut off, and the next tick continues.
"""


class LastRun(Struct, frozen=True):
    """The last run of a job: when it ended by the clock of Valkey, how long it took, and its outcome."""

    ended: datetime
    seconds: float
    outcome: Outcome


_run = msgspec.json.Decoder(LastRun)


def record(connection: Valkey, job: str, seconds: float, outcome: Outcome) -> None:
    """Count a run. If Valkey does not respond, the run is not counted, but its work does not fail."""
    with suppress(redis.RedisError), connection.pipeline(transaction=False) as pipeline:
        at = time_of(connection)
        if outcome == "succeeded":
            pipeline.hset(SUCCESSES, job, repr(at))
        pipeline.hincrby(HASH, f"{job}:{outcome}", 1)
        pipeline.hincrbyfloat(HASH, f"{job}:seconds", seconds)
        pipeline.hset(LAST, job, msgspec.json.encode(LastRun(datetime.fromtimestamp(at, UTC), seconds, outcome)))
        pipeline.execute()
    _count_dropped_lines(connection)


class _Counted:
    """The number of dropped log lines that this process has counted in Valkey."""

    lines = 0


def _count_dropped_lines(connection: Valkey) -> None:
    added = dropped_lines() - _Counted.lines
    if added > 0:
        with suppress(redis.RedisError):
            connection.incrby(LOG_LINES_DROPPED, added)
            _Counted.lines += added


def last_runs(connection: Valkey) -> dict[str, LastRun]:
    """Return the last run of each job that ran since Valkey last lost its data."""
    stored = cast("dict[bytes, bytes]", cast("Any", connection).hgetall(LAST))
    return {name.decode(): _run.decode(run) for name, run in stored.items()}
