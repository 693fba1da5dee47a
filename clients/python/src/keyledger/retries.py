"""Retries of a call and the delay before each: full jitter, and never less than Retry-After.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import random
from typing import Final, TypeVar

import httpx2
from msgspec import Struct

from keyledger.call import Call, Repeat
from keyledger.errors import ApiError, RateLimited, SecretLost, Unavailable, Unreachable

T = TypeVar("T")

UNAVAILABLE: Final = "unavailable"
NO_ANSWER: Final = (httpx2.TransportError, httpx2.DecodingError)
"""No response arrived, or one whose content cannot be decompressed, which a proxy has damaged."""

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_KEY = "Idempotency-Key"
_IN_FLIGHT = "idempotency_in_flight"
_PERMANENT = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


class Retries(Struct, frozen=True):
    """Number and timing of the attempts of a call.

    `attempts`: the total; 1 disables retries. The n-th delay (from 0) is random between 0 and `first_seconds * 2**n`,
    at most `longest_seconds`, and is added to Retry-After. An error response whose Retry-After exceeds
    `longest_retry_after_seconds` is not retried.
    """

    attempts: int = 4
    first_seconds: float = 0.2
    longest_seconds: float = 5.0
    longest_retry_after_seconds: float = 30.0


NO_RETRIES: Final = Retries(attempts=1)


class Attempts:
    """The attempts of one call to `service`. After each failure, returns the time to wait or the final error."""

    def __init__(self, service: str, retries: Retries, repeat: Repeat) -> None:
        self._service = service
        self._retries = retries
        self._repeat = repeat
        self._made = 0
        self._may_have_happened = False

    def after_no_answer(self, error: httpx2.RequestError) -> float | Unreachable:
        """Return the seconds to wait, or the error to raise."""
        self._made += 1
        sent = not isinstance(error, _NOT_SENT)
        self._may_have_happened |= sent
        if not self._is_left() or isinstance(error, _PERMANENT) or (sent and not self._is_repeatable()):
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return Unreachable(self._service, reason, may_have_happened=self._may_have_happened)
        return self._pause(0)

    def after_refusal(self, error: ApiError) -> float | ApiError:
        """Return the seconds to wait, or the error to raise."""
        self._made += 1
        after = error.retry_after or 0.0
        if not self._is_left() or after > self._retries.longest_retry_after_seconds or not self._is_retryable(error):
            return error
        return self._pause(after)

    def instead_of(self, call: Call[T], lost: SecretLost) -> Call[T]:
        """Return the call that gets a new secret. Raises `lost` if another process may have received the lost one."""
        if call.recover is None or _KEY in call.headers or not self._is_left():
            raise lost
        return call.recover(lost)

    def _is_retryable(self, error: ApiError) -> bool:
        if isinstance(error, RateLimited):
            return True
        if isinstance(error, Unavailable):
            is_ours = error.code == UNAVAILABLE
            return self._is_repeatable() or (is_ours and self._repeat is Repeat.WHEN_REFUSED)
        return error.code == _IN_FLIGHT

    def _is_repeatable(self) -> bool:
        return self._repeat in {Repeat.FREELY, Repeat.WITH_IDEMPOTENCY_KEY}

    def _is_left(self) -> bool:
        return self._repeat is not Repeat.NEVER and self._made < self._retries.attempts

    def _pause(self, after: float) -> float:
        longest = min(self._retries.longest_seconds, self._retries.first_seconds * 2 ** (self._made - 1))
        return after + random.uniform(0, longest)  # noqa: S311 -- spreads load, guards nothing
