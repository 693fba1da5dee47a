"""Rate limits, stored in Valkey so that they apply across all API processes: one script call per batch.

The limits fail open. While Valkey is down or slow, requests are admitted without being counted, because verification
must not depend on Valkey. A separate task checks whether Valkey is back, so an outage does not slow requests down.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import structlog
from msgspec import Struct
from redis.exceptions import RedisError

from app.verification.valkey_script import ValkeyScript
from domain.usage.rates import Rate
from infrastructure.clock import now

_PREFIX = "keyledger:rate:"
_CONNECT_SECONDS = 1.0
_PAUSE_FIRST_SECONDS = 0.05
_PAUSE_MOST_SECONDS = 1.0
_MICROSECONDS = 1_000_000
_ROUNDING = 0.001
_CHECK_END = ";"

_SCRIPT = Path(__file__).with_name("gcra.lua").read_text("utf-8")

_FAILURES = (RedisError, OSError, TimeoutError)

_log = structlog.get_logger(__name__)

T = TypeVar("T")


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
        self._script = ValkeyScript(url, _SCRIPT, _CONNECT_SECONDS) if url else None
        self._unavailable = self._script is None
        self._recovery: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        if self._script is not None:
            self._script.disconnect()

    async def check(self, checks: Sequence[RateCheck]) -> list[RateCheckResult]:
        """Return the result for each of `checks`, in order. Never raise because of Valkey."""
        # Most batches contain many equal checks, for which this is done once.
        numbers: dict[RateCheck, int] = {}
        kinds = [numbers.setdefault(check, len(numbers)) for check in checks]
        distinct = list(numbers)
        rates = {rate.bucket: rate for check in distinct for rate in check.reported}
        if not rates:
            return [_UNLIMITED] * len(checks)
        cells = {bucket: str(number) for number, bucket in enumerate(rates, start=1)}
        texts = [_encode(check, cells) for check in distinct]
        response = await self._call_script(rates, "".join([texts[kind] for kind in kinds]), len(checks) + len(rates))
        if response is None:
            self.counts.failed_open += sum(bool(check.enforced) for check in checks)
            response = [0] * (len(checks) + len(rates))
        at = now().timestamp()
        backlogs = response[len(checks) :]
        states = {bucket: _state(rates[bucket], backlog, at) for bucket, backlog in zip(rates, backlogs, strict=True)}
        outcomes = list(zip(kinds, response, strict=False))
        self.counts.limited += sum(bool(refusal) for _, refusal in outcomes)
        results = {outcome: _result(distinct[outcome[0]], outcome[1], states) for outcome in set(outcomes)}
        return [results[outcome] for outcome in outcomes]

    async def _call_script(self, rates: dict[str, Rate], checks: str, results: int) -> list[int] | None:
        """Return the script's `results` numbers; None if Valkey does not respond."""
        if self._script is None or self._unavailable:
            return None
        arguments: list[str] = [_PREFIX + cell for cell in rates]
        for rate in rates.values():
            arguments += (repr(_MICROSECONDS / rate.per_second), str(rate.burst))
        arguments.append(checks)
        self.counts.calls += 1
        try:
            response = await _with_deadline(self._script.run(len(rates), arguments), self._timeout_seconds)
        except _FAILURES as error:
            self._mark_unavailable(self._script, error)
            return None
        except BaseException:
            self.counts.failures += 1
            raise
        if isinstance(response, list) and len(cast("list[int]", response)) == results:
            return cast("list[int]", response)
        self._mark_unavailable(self._script, RedisError("the response belongs to another call"))
        return None

    def _mark_unavailable(self, script: ValkeyScript, error: BaseException) -> None:
        self.counts.failures += 1
        script.disconnect()
        if self._unavailable:
            return
        self._unavailable = True
        _log.warning("rate_limits_unavailable", error=type(error).__name__)
        self._recovery = asyncio.create_task(self._wait_until_available(script))

    async def _wait_until_available(self, script: ValkeyScript) -> None:
        pause = _PAUSE_FIRST_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_MOST_SECONDS)
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await script.ping()
            except Exception:  # noqa: BLE001, S112 -- an error must not end the task, or limits would stay off
                continue
            self._unavailable = False
            _log.info("rate_limits_available", uncounted=self.counts.failed_open)
            return


async def _with_deadline(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Wait in two halves: if this process was suspended in the first, a response that arrived is read in the second."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        half = loop.call_later(seconds / 2, lambda: limit.reschedule(loop.time() + seconds / 2))
        try:
            return await work
        finally:
            half.cancel()


def _encode(check: RateCheck, cells: dict[str, str]) -> str:
    return ",".join([cells[rate.bucket] for rate in check.enforced]) + _CHECK_END


def _result(check: RateCheck, refusal: int, states: dict[str, RateLimitStatus]) -> RateCheckResult:
    """Return the result of a check. `refusal`: the position of the limit that refused it, or 0."""
    if refusal:
        rate = check.enforced[refusal - 1]
        return RateCheckResult(rate, states[rate.bucket])
    if not check.reported:
        return _UNLIMITED
    tightest = min([states[rate.bucket] for rate in check.reported], key=lambda state: (state.remaining, state.limit))
    return RateCheckResult(None, tightest)


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
