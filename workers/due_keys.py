"""Sees to what the passing of time brings about: one step for each key that is due, until none is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Generic, Protocol, TypeVar

import structlog

from domain.actor import SystemActor
from domain.keys.commands import KeyCommand
from domain.keys.decider import KEY
from domain.plans.plan import PLANS
from eventstore.errors import ConcurrentChange
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import Unavailable
from infrastructure.database.statements import Statement
from projections.commands import commands_on
from projections.read_models.keys.list.queries import DueKey
from projections.read_models.organizations.counts.queries import keys_guard
from workers.job_runner import CONNECTIONS_MAX, WORK_SECONDS
from workers.log_throttle import LogThrottle

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
class DueKeyTask(Generic[K]):
    """What is done, and about which keys: `due` gives some of those that are due at an instant, the longest due first.

    `step` sees to one of them, so that it is due no more, and says whether there was anything to do. It may be
    repeated, and be taken by several at once.
    """

    actor: SystemActor
    due: Callable[[Connection, datetime, int], Awaitable[list[K]]]
    step: Callable[[Pool, K], Awaitable[bool]]


def command_step(
    actor: SystemActor, command: Callable[[datetime], KeyCommand]
) -> Callable[[Pool, DueKey], Awaitable[bool]]:
    """The step that gives a key a command, made for the instant at which it is given."""

    async def step(pool: Pool, key: DueKey) -> bool:
        at = now()
        return await run_key_command(pool, key, command(at), actor, at)

    return step


async def run_key_command(
    pool: Pool,
    key: Due,
    command: KeyCommand,
    actor: SystemActor,
    at: datetime,
    extra_statements: Sequence[Statement] = (),
) -> bool:
    """Run a command on a key and return whether the key changed. `extra_statements` join the transaction."""
    change = await commands_on(pool).run(
        KEY,
        key.key_id,
        key.organization_id,
        command,
        origin=Origin(actor),
        at=at,
        # The decision does not depend on the counts, but they may change with the key, so they are locked first.
        guard=keys_guard(key.organization_id, PLANS),
        extra_statements=extra_statements,
    )
    return bool(change.events)


async def process_due(pool: Pool, duty: DueKeyTask[K], seconds: float = WORK_SECONDS) -> int:
    """Do `duty` for every key that is due, for `seconds` at most; gives how many changed.

    A key that can not be changed is logged and passed over, so that it stops no other. Any number of processes may do
    this at once: whoever comes second finds that there is nothing to change. Raises `Unavailable`.
    """
    deadline = monotonic() + seconds
    passed_over: set[str] = set()
    changed = 0
    while monotonic() < deadline:
        async with pool.connection() as connection:
            due = await duty.due(connection, now(), PAGE + len(passed_over))
        page = [key for key in due if key.key_id not in passed_over]
        if not page:
            break
        unchanged = await _process_page(pool, duty, page)
        passed_over |= unchanged
        changed += len(page) - len(unchanged)
    if changed:
        _log.info("keys_changed", by=duty.actor.id, keys=changed)
    return changed


async def _process_page(pool: Pool, duty: DueKeyTask[K], page: list[K]) -> set[str]:
    """The ids of those that did not change: someone else was faster, or they can not be changed."""
    gate = asyncio.Semaphore(CONNECTIONS_MAX)

    async def change(key: K) -> bool:
        async with gate:
            return await duty.step(pool, key)

    outcomes = await asyncio.gather(*[change(key) for key in page], return_exceptions=True)
    problems = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if len(problems) == len(page) and isinstance(problems[0], Unavailable):
        raise problems[0]
    for key, outcome in zip(page, outcomes, strict=True):
        # That others kept changing a key is no defect of it: its turn comes again in a second.
        bad = isinstance(outcome, BaseException) and not isinstance(outcome, ConcurrentChange)
        if bad and _news(key.key_id):
            _log.error("key_change_failed", by=duty.actor.id, key_id=key.key_id, exc_info=outcome)
    return {key.key_id for key, outcome in zip(page, outcomes, strict=True) if outcome is not True}
