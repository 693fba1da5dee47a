"""Bulkheads: limits on concurrent calls, so that a slow MCP server delays only its own calls.

Each MCP has its own pool of slots and its own queue, and no organization gets more than a quarter of all slots. A call
holds one slot from its first connection to its last, so a call never waits for a second slot while it holds one.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

from msgspec import Struct

from gateway.config import GatewayConfig
from gateway.errors import TooManyCalls

K = TypeVar("K")

_ORGANIZATIONS_SHARE = 4


class Pool(Struct, frozen=True):
    """The pool whose slot a call takes: one MCP of one organization. `purpose` separates tests from calls."""

    organization_id: str
    mcp: str
    purpose: str = "call"


class Bulkheads:
    """The slots of one process. Each pool serves its calls in order of arrival, and pools take turns."""

    def __init__(self, config: GatewayConfig) -> None:
        self._total = config.connections_max
        # At least two, or two servers of one organization would wait for each other.
        self._per_organization = max(2, config.connections_max // _ORGANIZATIONS_SHARE)
        self._per_pool = max(1, min(config.calls_per_mcp_max, self._per_organization // 2))
        self._queued_per_pool = config.queued_per_mcp_max
        self._queued_per_organization = max(self._per_organization, config.queued_per_mcp_max)
        self._running: Counter[Pool] = Counter()
        self._running_of: Counter[str] = Counter()
        self._queued_of: Counter[str] = Counter()
        self._queues: OrderedDict[Pool, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, pool: Pool, seconds: float) -> AsyncGenerator[None]:
        """Hold a slot during the block, after waiting for it up to `seconds`. Raise `TooManyCalls`."""
        await self._acquire(pool, seconds)
        try:
            yield
        finally:
            self._release(pool)

    async def _acquire(self, pool: Pool, seconds: float) -> None:
        if pool not in self._queues and self._has_slot(pool):
            self._take(pool)
            return
        queue = self._queues.get(pool)
        is_full = queue is not None and len(queue) >= self._queued_per_pool
        if is_full or self._queued_of[pool.organization_id] >= self._queued_per_organization:
            raise TooManyCalls("Its queue is full.")
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(pool, deque()).append(turn)
        self._queued_of[pool.organization_id] += 1
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._release(pool)  # The slot was assigned just as the wait for it ended.
            else:
                self._dequeue(pool, turn)
            if isinstance(error, TimeoutError):
                raise TooManyCalls(f"It waited {seconds:g} s for its turn.") from None
            raise

    def _release(self, pool: Pool) -> None:
        _decrement(self._running, pool)
        _decrement(self._running_of, pool.organization_id)
        self._start_next()

    def _start_next(self) -> None:
        """Assign free slots to waiting calls: one per pool in turn."""
        for pool in list(self._queues):
            while (queue := self._queues.get(pool)) is not None and self._has_slot(pool):
                turn = queue[0]
                self._dequeue(pool, turn)
                if not turn.done():
                    self._take(pool)
                    turn.set_result(None)
                    if pool in self._queues:
                        self._queues.move_to_end(pool)
                    break

    def _dequeue(self, pool: Pool, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(pool)
        if queue is None or turn not in queue:
            return
        queue.remove(turn)
        _decrement(self._queued_of, pool.organization_id)
        if not queue:
            del self._queues[pool]

    def _has_slot(self, pool: Pool) -> bool:
        return (
            self._running[pool] < self._per_pool
            and self._running_of[pool.organization_id] < self._per_organization
            and self._running.total() < self._total
        )

    def _take(self, pool: Pool) -> None:
        self._running[pool] += 1
        self._running_of[pool.organization_id] += 1


def _decrement(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
