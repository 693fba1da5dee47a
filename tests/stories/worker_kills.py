"""`kill -9` of workers, a scheduler, and Valkey with and without its data.

Meanwhile uses are written to the log at a given rate, and work becomes due (`tests/stories/due_work.py`): keys expire
or approach their expiry, quotas are used up, and requests are refused. Webhooks report these events to a receiver that
fails at random, and owners get mails through a server that refuses some at first.
"""

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import redis

from embedded.valkey import Valkey
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests.process_tree import children_of
from tests.programs import Running, start_program
from tests.projections.usage.uses import append, some_of_everything
from tests.stories.due_work import SETTINGS, Due, begin, derive_expected, make_due, missing, skip_waits
from tests.stories.flaky_receiver import RandomFailures
from tests.waiting import stretched
from tests.workers.log_view import number
from tests.workers.mail_server import MailServer
from tests.workers.receiver import receiver

KINDS = ("worker", "workers", "scheduler", "valkey", "valkey without its data", "valkey emptied")

_BATCH = 20
_PRODUCERS = 5
_KEYS = [f"key_{each}" for each in range(20)]
_PAUSE_SECONDS = (0.2, 1.0)
_LET_WORK = 3
"""Workers that are killed every second do little but start. So every third round waits until they raise alerts."""
_LOOKS, _LOOK_SECONDS = 200, 0.02
_ALERTS = b"select count(*) from alert_list"
_CLAIMED_SECONDS = 10
"""A scheduler that starts skips a job whose current period the other scheduler has claimed."""
_MAILS_REFUSED = 5
_SETTLED_SECONDS = 90
"""Longer than the delay of a message after its second failure, or after its worker was killed."""


class Background:
    """A pool of workers and two schedulers. Killed processes are restarted immediately, as by a supervisor."""

    def __init__(self, valkey: Valkey, settings: Mapping[str, str], log: Path) -> None:
        self._valkey = valkey
        self._environment = {**os.environ, "WORKERS": "2", "REDIS_URL": valkey.url, **SETTINGS, **settings}
        self._log = log
        self._processes: dict[str, Running] = {}

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
                _kill_all([dice.choice(pids)] if pids else [])  # none while the pool starts
            case "each worker":
                _kill_all(children_of(self._processes["run"].pid))
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
        word = name.partition(" ")[0]
        self._processes[name] = start_program(["workers", word], self._environment, self._log)

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _kill_all(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def kill_under_load(
    pool: Pool,
    url: str,
    background: Background,
    mails: MailServer,
    kinds: Sequence[str],
    dice: random.Random,
    *,
    rate: int,
    say: Callable[[str], None],
    hurried: bool = False,
) -> Due:
    """Kill one after the other while `rate` uses per second are written, and return when all results exist.

    `hurried`: at the end, no message or mail waits for its next attempt.
    """
    mails.mailbox.refusals = ["451 Later"] * _MAILS_REFUSED
    with receiver() as target:
        due, stop = await begin(pool, target, RandomFailures(dice.randrange(sys.maxsize)), mails), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_write_uses, pool, due, rate, stop)
            for each, kind in enumerate(kinds, start=1):
                await make_due(pool, due, dice)
                if each % _LET_WORK:
                    await anyio.sleep(dice.uniform(*_PAUSE_SECONDS))
                else:
                    await _wait_for_an_alert(pool)
                    background.kill("each worker", dice)
                # In this thread, because processes that another thread started would end with it.
                background.kill(kind, dice)
                say(f"round {each}: killed {kind} after {due.uses} uses")
            stop.set()
        await derive_expected(url, pool, due)
        say(f"{len(due.must)} alerts follow from the log, {due.meanwhile} exist already")
        # A new scheduler starts every job, even those that run once a minute, unless their period is already claimed.
        await anyio.sleep(_CLAIMED_SECONDS - now().timestamp() % _CLAIMED_SECONDS)
        background.kill("scheduler", dice)
        with anyio.fail_after(stretched(_SETTLED_SECONDS)):
            while left := await missing(pool, due, allow_delayed=not hurried):
                say(f"waiting for {len(left)}: {left[0]}")
                if hurried:
                    await skip_waits(pool)
                await anyio.sleep(1)
        return due


async def _wait_for_an_alert(pool: Pool) -> None:
    """Wait until an alert is raised, at most a few seconds."""
    async with pool.connection() as connection:
        before = await number(connection, _ALERTS)
        for _ in range(_LOOKS):
            await anyio.sleep(_LOOK_SECONDS)
            if await number(connection, _ALERTS) > before:
                return


async def _write_uses(pool: Pool, due: Due, rate: int, stop: anyio.Event) -> None:
    """Write uses in batches of several producers, some of them an hour late, in addition to the due work."""
    dice = random.Random(rate)  # noqa: S311 -- no secret
    began, written = anyio.current_time(), 0
    async with pool.connection() as connection:
        while not stop.is_set():
            at = now() - timedelta(hours=dice.choice((0, 0, 0, 1)))
            producer = f"p{dice.randrange(_PRODUCERS)}"
            await append(connection, producer, at, some_of_everything(dice, _KEYS, at, _BATCH))
            written += _BATCH
            due.uses += _BATCH
            await anyio.sleep(max(0.0, began + written / rate - anyio.current_time()))
