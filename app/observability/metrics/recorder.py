"""Recording of a process's measurements without delaying its requests."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Protocol, get_args

from prometheus_client import Counter

from app.observability.metrics import instruments
from app.observability.metrics.buffered_histogram import BufferedHistogram
from domain.usage.events import CallCompleted, CallStatus, UsageEvent
from eventstore.group_commit import BatchCounters
from infrastructure.database.connections import Pool
from infrastructure.database.pool import REASONS
from infrastructure.log_output import dropped_lines

METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})

_PACE_SECONDS = 1.0


class UnknownSecretCounts(Protocol):
    """The part of `app.verification.unknown_secrets.UnknownSecrets` that is measured."""

    found: int
    unknown: int
    refused: int


class GroupCommitLevels(Protocol):
    """The part of `eventstore.group_commit.GroupCommit` that is measured."""

    counters: BatchCounters

    @property
    def waiting(self) -> int: ...


class VerificationLevels(Protocol):
    """The part of `app.verification.verification.Verification` that is measured."""

    @property
    def queue(self) -> GroupCommitLevels: ...

    @property
    def unknown_secrets(self) -> UnknownSecretCounts: ...


class RateLimitCounts(Protocol):
    """The part of `app.verification.rate_limits.RateLimits` that is measured."""

    limited: int
    failed_open: int
    failures: int


class Recorder:
    """The recorder of this process. It observes group commit and requests, and updates the instruments every second."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], BufferedHistogram] = {}
        self._uses: Tally[tuple[str, str]] = Tally()
        # These series exist from the start with zero values: an absent series looks like a missing exporter.
        self._calls: dict[CallStatus, BufferedHistogram] = {
            status: BufferedHistogram(instruments.MCP_CALLS.labels(status), instruments.CALL_SECONDS_BUCKETS)
            for status in get_args(CallStatus)
        }
        self._sizes = BufferedHistogram(instruments.BATCH_SIZE, instruments.BATCH_SIZE_BUCKETS)
        self._waits = BufferedHistogram(instruments.BATCH_WAIT, instruments.SECONDS_BUCKETS)
        self._durations = BufferedHistogram(instruments.BATCH_DURATION, instruments.SECONDS_BUCKETS)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record a request. `route` is the template that matched, so the number of labels stays small."""
        observed = self._requests.get((method, route, status))
        if observed is None:
            # The method is the only label that a client chooses freely.
            known = method if method in METHODS else "other"
            observed = self._requests.get((known, route, status)) or self._new(known, route, status)
        observed.observe(seconds)

    def _new(self, method: str, route: str, status: int) -> BufferedHistogram:
        histogram = instruments.REQUESTS.labels(method, route, str(status))
        observed = self._requests[method, route, status] = BufferedHistogram(histogram, instruments.SECONDS_BUCKETS)
        return observed

    def recorded(self, events: Sequence[UsageEvent]) -> None:
        for event in events:
            if isinstance(event, CallCompleted):
                self._calls[event.status].observe(event.latency_ms / 1000)
            else:
                self._uses[event.action, event.code] += 1

    def completed(self, items: int, waited_seconds: float, seconds: float) -> None:
        self._sizes.observe(items)
        self._waits.observe(waited_seconds)
        self._durations.observe(seconds)

    def hand_over(self) -> None:
        """Add the measurements since the last call to the instruments."""
        for tallied in (*self._requests.values(), *self._calls.values(), self._sizes, self._waits, self._durations):
            tallied.hand_over()
        uses, self._uses = self._uses, Tally()
        for (action, code), number in uses.items():
            instruments.KEY_USES.labels(action, code).inc(number)


@asynccontextmanager
async def flush_metrics(
    recorder: Recorder, verification: VerificationLevels, pool: Pool, limits: RateLimitCounts
) -> AsyncGenerator[asyncio.Task[None]]:
    """Update the instruments from this process and its parts every second, and once more at the end."""
    task = asyncio.create_task(_update_instruments(recorder, verification, pool, limits), name="figures")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        recorder.hand_over()


async def _update_instruments(
    recorder: Recorder, verification: VerificationLevels, pool: Pool, limits: RateLimitCounts
) -> None:
    followed: dict[Counter, Callable[[], int]] = {
        instruments.GROUP_COMMIT_REFUSED: lambda: verification.queue.counters.rejected,
        instruments.FAILED_BATCHES: lambda: verification.queue.counters.failures,
        instruments.GROUP_COMMIT_RECONNECTS: lambda: verification.queue.counters.reconnects,
        instruments.RATE_LIMIT_REFUSED: lambda: limits.limited,
        instruments.RATE_LIMIT_FAILED_OPEN: lambda: limits.failed_open,
        instruments.RATE_LIMIT_FAILURES: lambda: limits.failures,
        instruments.FOREIGN_SECRETS.labels("found"): lambda: verification.unknown_secrets.found,
        instruments.FOREIGN_SECRETS.labels("unknown"): lambda: verification.unknown_secrets.unknown,
        instruments.FOREIGN_SECRETS.labels("refused"): lambda: verification.unknown_secrets.refused,
        **{instruments.POOL_REPLACED.labels(reason): partial(pool.replaced.__getitem__, reason) for reason in REASONS},
        instruments.LOG_LINES_DROPPED: dropped_lines,
    }
    carry = _CounterMirror(followed)
    instruments.API_PROCESSES.set(1)
    while True:
        # The shared files can fail like any other file, for example when the disk is full.
        with suppress(OSError):
            recorder.hand_over()
            carry.over()
        instruments.GROUP_COMMIT_WAITING.set(verification.queue.waiting)
        _set_pool(pool.get_stats())
        await asyncio.sleep(_PACE_SECONDS)


class _CounterMirror:
    """Counters that mirror numbers which only increase."""

    def __init__(self, followed: Mapping[Counter, Callable[[], int]]) -> None:
        self._followed = dict(followed)
        self._seen = dict.fromkeys(followed, 0)

    def over(self) -> None:
        for counter, read in self._followed.items():
            now = read()
            counter.inc(now - self._seen[counter])
            self._seen[counter] = now


def _set_pool(stats: Mapping[str, int]) -> None:
    idle = stats.get("pool_available", 0)
    instruments.POOL_CONNECTIONS.labels("idle").set(idle)
    instruments.POOL_CONNECTIONS.labels("used").set(stats.get("pool_size", 0) - idle)
    instruments.POOL_WAITING.set(stats.get("requests_waiting", 0))
