"""Late jobs, by the clock of Valkey. The clocks of workers, schedulers and API processes do not matter.

The scheduler publishes how often each job is due and how long it may go without a successful run. Workers record each
success. The API reads both for `/health/ready` and `/metrics`. It shares no code with the workers, only these names.
"""
# pyright: reportUnknownMemberType=false
# (the annotations of redis leave type arguments out)

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from workers.schedule import SCHEDULE
from workers.valkey import Valkey

SCHEDULE_HASH = "keyledger:schedule"
"""JSON with `period` and `late_after`, in seconds, by job."""

FIRST_TICKS = "keyledger:first_ticks"
"""The time from which each job has been scheduled, in Unix seconds. A job that never succeeded is late from then on."""

SUCCESSES = "keyledger:last_successes"
"""The end of the last successful run of each job, in Unix seconds."""

LATE_PERIODS = 3
LATE_SECONDS_MIN = 30
"""A job is late when it has had no success for three of its periods, and for at least this long."""


class Overdue(Struct, frozen=True):
    """A job without a successful run for `seconds`, and the seconds after which it is late."""

    job: str
    seconds: float
    late_after: float

    @property
    def is_late(self) -> bool:
        return self.seconds > self.late_after


def late_after(period: int) -> int:
    return max(LATE_PERIODS * period, LATE_SECONDS_MIN)


def time_of(connection: Valkey) -> float:
    seconds, microseconds = connection.time()
    return seconds + microseconds / 1_000_000


def publish(connection: Valkey) -> None:
    """Publish the schedule. Repeat this, because Valkey may lose its data at any time."""
    at = time_of(connection)
    schedule = {
        each.name: msgspec.json.encode({"period": each.every, "late_after": late_after(each.every)})
        for each in SCHEDULE
    }
    with connection.pipeline(transaction=True) as pipeline:
        pipeline.delete(SCHEDULE_HASH)
        pipeline.hset(SCHEDULE_HASH, mapping=cast("Any", schedule))
        for each in SCHEDULE:
            pipeline.hsetnx(FIRST_TICKS, each.name, repr(at))
        pipeline.execute()


def unfinished(connection: Valkey) -> Sequence[Overdue]:
    """Return how long each job has had no successful run, in the order of the schedule."""
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.hgetall(FIRST_TICKS)
        pipeline.hgetall(SUCCESSES)
        (seconds, microseconds), first, succeeded = cast("tuple[Any, Any, Any]", tuple(pipeline.execute()))
    at = seconds + microseconds / 1_000_000
    since = {name.decode(): float(value) for name, value in {**first, **succeeded}.items()}
    return [
        Overdue(each.name, max(at - since[each.name], 0.0), late_after(each.every))
        for each in SCHEDULE
        if each.name in since
    ]
