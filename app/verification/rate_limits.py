"""Rate limits, stored in Valkey so that they apply across all API processes: one script call per batch.

The limits fail open. While Valkey is down or slow, requests are admitted without being counted, because verification
must not depend on Valkey. A separate task checks whether Valkey is back, so an outage does not slow requests down.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import structlog
from msgspec import Struct
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from domain.usage.rates import Rate
from infrastructure.clock import now

_PREFIX = "keyledger:rate:"
_CONNECTIONS_MAX = 4
_CONNECT_SECONDS = 1.0
_PAUSE_FIRST_SECONDS = 0.05
_PAUSE_MOST_SECONDS = 1.0
_MICROSECONDS = 1_000_000
_ROUNDING = 0.001
_CHECK_END = ";"

_SCRIPT = Path(__file__).with_name("gcra.lua").read_text("utf-8")
_SCRIPT_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()

_FAILURES = (RedisError, OSError, TimeoutError)

_log = structlog.get_logger(__name__)


class RateCheck(Struct, frozen=True):
    """The limits of one request. All in `enforced` must admit it.

    `reported` includes them and possibly more; the response contains the state of the tightest.
    """

    enforced: tuple[Rate, ...] = ()
    reported: tuple[Rate, ...] = ()


class RateLimitStatus(Struct, frozen=True):
    """The state of a request's tightest limit, after its batch.

    `limit` requests per second, of which `remaining` are possible immediately. `resets_at`: when the full burst is
    available again, in Unix seconds. `retry_after`: seconds until the next request is admitted.
    """

    limit: int
    remaining: int
    resets_at: int
    retry_after: int


class RateCheckResult(Struct, frozen=True):
    """`refused_by`: the limit that refused the request; None if admitted. `status`: None if no limit applies."""

    refused_by: Rate | None = None
    status: RateLimitStatus | None = None


_UNLIMITED = RateCheckResult()


@dataclass(slots=True)
class RateLimitCounts:
    """Counters for metrics. `failed_open`: requests admitted without Valkey; `failures`: failed calls of the script."""

    calls: int = 0
    limited: int = 0
    failed_open: int = 0
    failures: int = 0


class RateLimits:
    """Checks rate limits between `async with`. Without a `url`, nothing is limited.

    After `timeout_seconds` without a response, a batch continues uncounted.
    """

    def __init__(self, url: str, timeout_seconds: float = 0.1) -> None:
        self.counts = RateLimitCounts()
        self._timeout_seconds = timeout_seconds
        self._url = url
        self._client = _client(url) if url else None
        self._unavailable = self._client is None
        self._recovery: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        await asyncio.gather(*self._closing, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def check(self, checks: Sequence[RateCheck]) -> list[RateCheckResult]:
        """Return the result for each of `checks`, in order. Never raise because of Valkey."""
        rates: dict[str, Rate] = {}
        for check in checks:
            for rate in check.reported:
                rates[rate.bucket] = rate
        if not rates:
            return [_UNLIMITED] * len(checks)
        numbers = {cell: number for number, cell in enumerate(rates, start=1)}
        response = await self._call_script(rates, "".join([_encode(check, numbers) for check in checks]))
        if response is None:
            self.counts.failed_open += sum(bool(check.enforced) for check in checks)
            response = [0] * (len(checks) + len(rates))
        at = now().timestamp()
        backlogs = response[len(checks) :]
        states = {cell: _state(rates[cell], backlog, at) for cell, backlog in zip(rates, backlogs, strict=True)}
        return [self._result(check, refusal, states) for check, refusal in zip(checks, response, strict=False)]

    def _result(self, check: RateCheck, refusal: int, states: dict[str, RateLimitStatus]) -> RateCheckResult:
        if refusal:
            self.counts.limited += 1
            rate = check.enforced[refusal - 1]
            return RateCheckResult(rate, states[rate.bucket])
        if not check.reported:
            return _UNLIMITED
        tightest = min(
            [states[rate.bucket] for rate in check.reported], key=lambda state: (state.remaining, state.limit)
        )
        return RateCheckResult(None, tightest)

    async def _call_script(self, rates: dict[str, Rate], checks: str) -> list[int] | None:
        """Return the script's result; None if Valkey does not respond."""
        if self._client is None or self._unavailable:
            return None
        arguments: list[str] = [_PREFIX + cell for cell in rates]
        for rate in rates.values():
            arguments += (repr(_MICROSECONDS / rate.per_second), str(rate.burst))
        arguments.append(checks)
        self.counts.calls += 1
        try:
            response = await _with_deadline(_run(self._client, len(rates), arguments), self._timeout_seconds)
        except _FAILURES as error:
            self._mark_unavailable(error)
            return None
        except BaseException:
            self.counts.failures += 1
            self._replace_client()
            raise
        if len(response) == checks.count(_CHECK_END) + len(rates):
            return response
        self._mark_unavailable(RedisError("the response belongs to another call"))
        return None

    def _replace_client(self) -> Redis:
        """Replace the connections: an abandoned call may have left one with an unread response, or in use."""
        client, self._client = self._client, _client(self._url)
        if client is not None:
            # Connections in use belong to other batches, which close them.
            closing = asyncio.create_task(cast("Any", client).connection_pool.disconnect(inuse_connections=False))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return self._client

    def _mark_unavailable(self, error: BaseException) -> None:
        self.counts.failures += 1
        client = self._replace_client()
        if self._unavailable:
            return
        self._unavailable = True
        _log.warning("rate_limits_unavailable", error=type(error).__name__)
        self._recovery = asyncio.create_task(self._wait_until_available(client))

    async def _wait_until_available(self, client: Redis) -> None:
        pause = _PAUSE_FIRST_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_MOST_SECONDS)
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await cast("Any", client).ping()
            except Exception:  # noqa: BLE001, S112 -- an error must not end the task, or limits would stay off
                continue
            self._unavailable = False
            _log.info("rate_limits_available", uncounted=self.counts.failed_open)
            return


def _client(url: str) -> Redis:
    pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        max_connections=_CONNECTIONS_MAX,
        timeout=_CONNECT_SECONDS,
        socket_timeout=_CONNECT_SECONDS,
        socket_connect_timeout=_CONNECT_SECONDS,
        # One retry on a new connection hides a restart of Valkey between two batches.
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)


async def _run(client: Redis, keys: int, arguments: list[str]) -> list[int]:
    commands = cast("Any", client)
    try:
        return await commands.evalsha(_SCRIPT_SHA, keys, *arguments)
    except NoScriptError:
        return await commands.eval(_SCRIPT, keys, *arguments)


async def _with_deadline(work: Coroutine[Any, Any, list[int]], seconds: float) -> list[int]:
    """Wait in two halves: if this process was suspended in the first, a response that arrived is read in the second."""
    task = asyncio.create_task(work)
    try:
        for _ in range(2):
            await asyncio.wait([task], timeout=seconds / 2)
            if task.done():
                return task.result()
    finally:
        task.cancel()
    raise TimeoutError


def _encode(check: RateCheck, numbers: dict[str, int]) -> str:
    return ",".join([str(numbers[rate.bucket]) for rate in check.enforced]) + _CHECK_END


def _state(rate: Rate, backlog: int, at: float) -> RateLimitStatus:
    """Return the state. `backlog`: microseconds of admitted requests at the steady rate."""
    interval = _MICROSECONDS / rate.per_second
    free = rate.burst - backlog / interval + _ROUNDING
    waits = 0 if free >= 1 else (1 - free) * interval / _MICROSECONDS
    return RateLimitStatus(
        limit=rate.per_second,
        remaining=max(int(free), 0),
        resets_at=ceil(at + backlog / _MICROSECONDS),
        retry_after=max(ceil(waits), 1),
    )
