"""Process keys for which time has passed: one step for each key that is due, until none is due."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Generic, Protocol, TypeVar

import structlog

from domain.actor import SystemActor
from domain.keys.commands import KeyCommand
from domain.keys.decider import KEY
from domain.organizations.errors import OrganizationIsDeleted
from domain.plans.plan import Plans
from eventstore.errors import ConcurrentChange
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import Unavailable
from infrastructure.database.statements import Statement
from infrastructure.log_throttle import LogThrottle
from projections.commands import commands_on
from projections.read_models.keys.list.queries import DueKey
from projections.read_models.organizations.counts.queries import keys_guard
from workers.job_runner import CONNECTIONS_MAX, WORK_SECONDS

PAGE = 100

_log = structlog.get_logger(__name__)
_news = LogThrottle()


class Due(Protocol):
    @property
    def key_id(self) -> str: ...
    @property
    def organization_id(self) -> str: ...


K = TypeVar("K", bound=Due)


@dataclass(frozen=True, slots=True)
class Worker:
    """The resources of a step: the database, and the plans as the operator configured them."""

    pool: Pool
    plans: Plans

    async def run(
        self, key: Due, command: KeyCommand, actor: SystemActor, at: datetime, *extra_statements: Statement
    ) -> bool:
        """Run a command on a key and return whether the key changed. `extra_statements` join the transaction."""
        change = await commands_on(self.pool).run(
            KEY,
            key.key_id,
            key.organization_id,
            command,
            origin=Origin(actor),
            at=at,
            # The decision does not depend on the counts, but they may change with the key, so their row is locked
            # first.
            guard=keys_guard(key.organization_id, self.plans),
            extra_statements=extra_statements,
        )
        return bool(change.events)


@dataclass(frozen=True, slots=True)
class DueKeyTask(Generic[K]):
    """A task that becomes due for keys as time passes.

    `due` returns some of the keys that are due, longest overdue first.

    `step` processes one key, so that it is no longer due, and returns whether it changed anything. A step may be
    repeated, and several workers may run it for the same key concurrently.
    """

    actor: SystemActor
    due: Callable[[Connection, datetime, int], Awaitable[list[K]]]
    step: Callable[[Worker, K], Awaitable[bool]]


def command_step(
    actor: SystemActor, command: Callable[[datetime], KeyCommand]
) -> Callable[[Worker, DueKey], Awaitable[bool]]:
    """Return the step that runs `command(now)` on a key."""

    async def step(worker: Worker, key: DueKey) -> bool:
        at = now()
        return await worker.run(key, command(at), actor, at)

    return step


async def process_due(worker: Worker, task: DueKeyTask[K], seconds: float = WORK_SECONDS) -> int:
    """Run the task for every key that is due, for at most `seconds`, and return how many keys changed.

    A key that cannot be changed is logged and skipped, so it does not stop the others. Any number of processes may run
    this concurrently: the second one finds nothing to change. Raises `Unavailable`.
    """
    deadline = monotonic() + seconds
    skipped: set[str] = set()
    changed = 0
    while monotonic() < deadline:
        async with worker.pool.connection() as connection:
            due = await task.due(connection, now(), PAGE + len(skipped))
        page = [key for key in due if key.key_id not in skipped]
        if not page:
            break
        unchanged = await _process_page(worker, task, page)
        skipped |= unchanged
        changed += len(page) - len(unchanged)
    if changed:
        _log.info("keys_changed", by=task.actor.id, keys=changed)
    return changed


async def _process_page(worker: Worker, task: DueKeyTask[K], page: list[K]) -> set[str]:
    """Return the ids of the keys that did not change, because another worker was first or an error occurred."""
    slots = asyncio.Semaphore(CONNECTIONS_MAX)

    async def change(key: K) -> bool:
        async with slots:
            return await task.step(worker, key)

    outcomes = await asyncio.gather(*[change(key) for key in page], return_exceptions=True)
    problems = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if len(problems) == len(page) and isinstance(problems[0], Unavailable):
        raise problems[0]
    for key, outcome in zip(page, outcomes, strict=True):
        # Concurrent changes are not an error of the key. The next run, a second later, tries again. The keys of an
        # organization that was deleted in the meantime are no longer due.
        expected = (ConcurrentChange, OrganizationIsDeleted)
        bad = isinstance(outcome, BaseException) and not isinstance(outcome, expected)
        if bad and _news(key.key_id):
            _log.error("key_change_failed", by=task.actor.id, key_id=key.key_id, exc_info=outcome)
    return {key.key_id for key, outcome in zip(page, outcomes, strict=True) if outcome is not True}
