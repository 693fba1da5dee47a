"""How the workers stand, as Valkey tells: it knows who is alive, what waits, and what failed.

The names are rq's own. `app` and `workers` do not import each other, and what is read here is what rq's command line
reads, whoever runs the workers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import RedisError

_QUEUES_MAX = 100
_WORKERS_MAX = 1_000
_SECONDS = 1.5
LOG_LINES_DROPPED = "keyledger:log_lines_dropped"
TALLY = "keyledger:jobs"
"""What the workers count: `<job>:<what>`, see `workers/tally.py`."""


class JobsUnknown(Exception):
    """Valkey does not answer."""


class Queue(Struct, frozen=True):
    name: str
    waiting: int
    failed: int


class JobTally(Struct, frozen=True):
    """What the workers did of one job since Valkey has its data."""

    name: str
    succeeded: int
    failed: int
    seconds: float


class JobsState(Struct, frozen=True):
    """`worker_heartbeat`, `scheduler_heartbeat`: Unix seconds of the latest of any of them; None: there is none."""

    queues: Sequence[Queue]
    workers: int
    worker_heartbeat: float | None
    schedulers: int
    scheduler_heartbeat: float | None
    tally: Sequence[JobTally]
    log_lines_dropped: int = 0


async def jobs_state(url: str) -> JobsState:
    """Raises `JobsUnknown`."""
    client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, decode_responses=True
    )
    try:
        return await _read(client)
    except (RedisError, OSError) as error:
        raise JobsUnknown from error
    finally:
        await client.aclose()


async def _read(client: Any) -> JobsState:  # noqa: ANN401 -- redis is typed for both of its worlds at once
    async with client.pipeline(transaction=False) as first:
        first.smembers("rq:queues")
        first.smembers("rq:workers")
        first.zrange("rq:cron_schedulers", 0, -1, withscores=True)
        first.hgetall(TALLY)
        first.get(LOG_LINES_DROPPED)
        queue_keys, worker_keys, schedulers, tally, dropped = await first.execute()
    names = sorted(key.removeprefix("rq:queue:") for key in queue_keys)[:_QUEUES_MAX]
    workers = sorted(worker_keys)[:_WORKERS_MAX]
    async with client.pipeline(transaction=False) as second:
        for name in names:
            second.llen(f"rq:queue:{name}")
            second.zcard(f"rq:failed:{name}")
        for key in workers:
            second.hget(key, "last_heartbeat")
        answers = await second.execute()
    counts, beats = answers[: 2 * len(names)], answers[2 * len(names) :]
    heartbeats = [datetime.fromisoformat(beat).timestamp() for beat in beats if beat]
    ticks = [score for _, score in schedulers]
    return JobsState(
        queues=[Queue(name, *counts[2 * at : 2 * at + 2]) for at, name in enumerate(names)],
        # One that was killed stays in the set for a while, without its entry.
        workers=len(heartbeats),
        worker_heartbeat=max(heartbeats, default=None),
        schedulers=len(ticks),
        scheduler_heartbeat=max(ticks, default=None),
        tally=_tallies(tally),
        log_lines_dropped=int(dropped or 0),
    )


def _tallies(fields: Mapping[str, str]) -> list[JobTally]:
    names = sorted({field.partition(":")[0] for field in fields})
    return [
        JobTally(
            name,
            int(fields.get(f"{name}:succeeded", 0)),
            int(fields.get(f"{name}:failed", 0)),
            float(fields.get(f"{name}:seconds", 0)),
        )
        for name in names[:_QUEUES_MAX]
    ]
