"""`kill -9` behind the API: of workers, of a scheduler, of Valkey with its data and without.

Meanwhile uses are written to the log at a rate that one says, and things fall due: keys expire, and reach the day on
which somebody is told that they will. A webhook is told of all of it, whose receiver fails at random.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import redis

from domain.alerts.events import AlertRaised
from domain.keys.events import KeyExpired
from domain.webhooks.announcements import announcement_of
from embedded.valkey import Valkey
from eventstore.clock import now
from eventstore.database import Pool
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from projections.usage.check import check_usage
from tests import seed
from tests.app.serving import ROOT
from tests.patience import stretched
from tests.projections.usage.uses import append, some_of_everything
from tests.stories.fickle import Fickle
from tests.workers.hooks import SETTINGS, webhook
from tests.workers.receiver import Receiver, receiver
from tests.workers.story import children_of, number

KINDS = ("worker", "workers", "scheduler", "valkey", "valkey without its data", "valkey emptied")

_BATCH = 20
_PRODUCERS = 5
_KEYS = [f"key_{each}" for each in range(20)]
_SOON = timedelta(seconds=0.3)
_STAGE = timedelta(days=7)
_PAUSE_SECONDS = (0.2, 1.0)
_SETTLED_SECONDS = 90
"""Longer than a message waits after its second failure, and than one whose worker was killed."""


class Background:
    """A pool of workers and two schedulers; what is killed is started again at once, as a supervisor would do it."""

    def __init__(self, valkey: Valkey, settings: Mapping[str, str], log: Path) -> None:
        self._valkey = valkey
        self._environment = {**os.environ, "WORKERS": "2", "REDIS_URL": valkey.url, **SETTINGS, **settings}
        self._log = log
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        for name in ("run", "schedule", "schedule too"):
            self._start(name)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in list(self._processes):
            self._kill(name)

    def kill(self, kind: str, dice: random.Random) -> None:
        match kind:
            case "worker":
                pids = children_of(self._processes["run"].pid)
                if pids:  # none while the pool starts
                    with suppress(ProcessLookupError):
                        os.kill(dice.choice(pids), signal.SIGKILL)
            case "workers":
                self._restart("run")
            case "scheduler":
                self._restart(dice.choice(("schedule", "schedule too")))
            case "valkey emptied":
                with redis.Redis.from_url(self._valkey.url) as client:  # pyright: ignore[reportUnknownMemberType]
                    client.flushall()  # pyright: ignore[reportUnknownMemberType]
            case _:
                self._valkey.kill()
                if kind == "valkey without its data":
                    shutil.rmtree(self._valkey.folder / "appendonlydir")
                self._valkey.start()

    def _restart(self, name: str) -> None:
        self._kill(name)
        self._start(name)

    def _start(self, name: str) -> None:
        with self._log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "workers", name.split(maxsplit=1)[0]],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(slots=True)
class Due:
    """What has to come of it: so many uses counted, these keys expired, these told of a week before their end.

    `told`: how many events the webhook took on; `sent`: in how many attempts that arrived.
    """

    uses: int = 0
    expiring: list[str] = field(default_factory=list[str])
    ending: list[str] = field(default_factory=list[str])
    told: int = 0
    sent: int = 0


async def under_fire(
    pool: Pool,
    background: Background,
    kinds: Sequence[str],
    dice: random.Random,
    *,
    rate: int,
    say: Callable[[str], None],
    hurried: bool = False,
) -> Due:
    """Kill one after the other while `rate` uses a second are written; returns when everything has come to pass.

    `hurried`: in the end no message waits for its next attempt, be it that it failed or that who had it was killed.
    """
    with receiver() as target:
        return await _under_fire(pool, background, kinds, dice, target, rate=rate, say=say, hurried=hurried)


async def _under_fire(
    pool: Pool,
    background: Background,
    kinds: Sequence[str],
    dice: random.Random,
    target: Receiver,
    *,
    rate: int,
    say: Callable[[str], None],
    hurried: bool,
) -> Due:
    organization_id = await seed.organization(pool)
    target.answer = fickle = Fickle(dice.randrange(sys.maxsize))
    await webhook(pool, organization_id, target)
    due, stop = Due(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_write_uses, pool, due, rate, stop)
        for each, kind in enumerate(kinds, start=1):
            await _make_due(pool, due, organization_id)
            await anyio.sleep(dice.uniform(*_PAUSE_SECONDS))
            # In this thread: what a thread has started ends with it.
            background.kill(kind, dice)
            say(f"round {each}: killed {kind} after {due.uses} uses")
        stop.set()
    # A scheduler begins with every job, also with those whose turn is once a minute.
    background.kill("scheduler", dice)
    with anyio.fail_after(stretched(_SETTLED_SECONDS)):
        while missing := [
            *await _missing(pool, due, organization_id),
            *await _untold(pool, due, organization_id, fickle.taken(target)),
        ]:
            say(f"waiting for {len(missing)}: {missing[0]}")
            if hurried:
                await _hurry(pool)
            await anyio.sleep(1)
    due.sent = len(target.received)
    return due


async def _write_uses(pool: Pool, due: Due, rate: int, stop: anyio.Event) -> None:
    """In batches of several processes, some of them an hour late."""
    dice = random.Random(rate)  # noqa: S311 -- no secret
    began = anyio.current_time()
    async with pool.connection() as connection:
        while not stop.is_set():
            at = now() - timedelta(hours=dice.choice((0, 0, 0, 1)))
            producer = f"p{dice.randrange(_PRODUCERS)}"
            await append(connection, producer, at, some_of_everything(dice, _KEYS, at, _BATCH))
            due.uses += _BATCH
            await anyio.sleep(max(0.0, began + due.uses / rate - anyio.current_time()))


async def _make_due(pool: Pool, due: Due, organization_id: str) -> None:
    """A key that expires in a moment, and one of which somebody is told in a moment."""
    expiring, _ = await seed.key(pool, organization_id, expires_at=now() + _SOON)
    ending, _ = await seed.key(pool, organization_id, expires_at=now() + _STAGE + _SOON)
    due.expiring.append(expiring)
    due.ending.append(ending)


async def _missing(pool: Pool, due: Due, organization_id: str) -> list[str]:
    """What has not come to pass yet. Fails on what must never be: something twice, or counted wrongly."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 1_000_000)
        counted = await number(connection, b"select sum(events)::bigint from usage_counts")
        assert await number(connection, b"select count(*) from usage_events") == due.uses
        assert await check_usage(connection) == []
    expired = Counter(each.record.stream_id for each in recorded if isinstance(each.event, KeyExpired))
    warned = Counter(each.event.key_id for each in recorded if isinstance(each.event, AlertRaised))
    assert not [key_id for key_id, times in (expired + warned).items() if times > 1]
    return [
        *([f"{due.uses - counted} uses are not counted"] if counted != due.uses else []),
        *(f"{key_id} has not expired" for key_id in due.expiring if not expired[key_id]),
        *(f"nobody was told of {key_id}" for key_id in due.ending if not warned[key_id]),
    ]


async def _untold(pool: Pool, due: Due, organization_id: str, taken: Mapping[str, set[str]]) -> list[str]:
    """What happened to the organization's keys, and the receiver was not told of."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 1_000_000)
        waiting = await number(connection, b"select count(*) from webhook_deliveries where status <> 'delivered'")
    happened = {each.record.id: each.record.type for each in recorded if announcement_of(each.record.type, each.event)}
    assert set(taken) <= set(happened)
    due.told = len(taken)
    return [
        *(
            f"the webhook was not told of {kind} {event_id}"
            for event_id, kind in happened.items()
            if event_id not in taken
        ),
        *([f"{waiting} messages are not delivered"] if waiting else []),
    ]


async def _hurry(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(b"update webhook_deliveries set due_at = created_at where status = 'pending'")
