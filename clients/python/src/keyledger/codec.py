"""Encoding of calls as requests and decoding of responses. Independent of sync and async."""

import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx2
import msgspec

from keyledger.call import Call, Repeat
from keyledger.errors import ApiError, RateLimited, Unavailable, UnexpectedAnswer, error_class
from keyledger.retries import UNAVAILABLE

T = TypeVar("T")

_TOO_MANY = 429
_NOT_NOW = 503
_SECONDS_MAX = 1e9
"""The longest Retry-After, thirty years. A number with hundreds of digits would become infinite."""


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str
    details: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    request_id: str | None = None


class _Problem(msgspec.Struct, frozen=True):
    error: _Error


_problems = msgspec.json.Decoder(_Problem)


def request_for(http: httpx2.Client | httpx2.AsyncClient, call: Call[T]) -> httpx2.Request:
    """Return the request, which can be sent repeatedly because its Idempotency-Key stays the same."""
    headers = dict(call.headers)
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    if call.repeat is Repeat.WITH_IDEMPOTENCY_KEY:
        headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
    timeout = http.timeout
    if call.timeout_seconds is not None and timeout.read is not None:
        longest = max(call.timeout_seconds, timeout.read)
        timeout = httpx2.Timeout(connect=timeout.connect, read=longest, write=timeout.write, pool=timeout.pool)
    return http.build_request(call.method, call.target, content=call.body, headers=headers, timeout=timeout)


def shown_url(url: httpx2.URL) -> str:
    """Return the URL of the service without a password, with which some proxies are configured."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}".rstrip("/")


def refusal_in(call: Call[T], response: httpx2.Response) -> ApiError | UnexpectedAnswer | None:
    """Return the error in the response, or None if the response has the requested result."""
    if response.is_success or response.status_code in call.answers:
        return None
    retry_after = _seconds(response.headers.get("retry-after"), response.headers.get("date"))
    try:
        error = _problems.decode(response.content).error
    except msgspec.DecodeError:
        return _proxy_error(response, retry_after)
    kind = error_class(error.code, response.status_code)
    return kind(error.code, response.status_code, error.message, error.details, error.request_id, retry_after)


def content_of(call: Call[T], response: httpx2.Response) -> T:
    """Return the decoded content of the response."""
    problem = "the response cannot be decoded"
    try:
        return call.read(response.content)
    except msgspec.ValidationError as error:
        problem = f"{problem}: {error}"
    except msgspec.DecodeError:
        problem = f"{problem}: it is not JSON"
    # Raise outside of the except clause, so that the exception has no reference to the response, which may contain a
    # secret.
    raise UnexpectedAnswer(response.status_code, problem)


def _proxy_error(response: httpx2.Response, retry_after: float | None) -> ApiError | UnexpectedAnswer:
    """Return the error for a proxy's own response, which has a status and no code."""
    status, request_id = response.status_code, response.headers.get("x-request-id")
    if status == _NOT_NOW:
        code = f"proxy_{UNAVAILABLE}"
        return Unavailable(code, status, "A proxy cannot reach the service.", None, request_id, retry_after)
    if status == _TOO_MANY:
        return RateLimited("rate_limited", status, "A proxy limits the rate.", None, request_id, retry_after)
    return UnexpectedAnswer(status, "the response is not an error of this API; check the URL")


def _seconds(retry_after: str | None, date: str | None) -> float | None:
    """Return Retry-After in seconds. The API sends seconds; a proxy may send a date (RFC 9110 §10.2.3).

    A date is compared with the date of the response, so that a wrong local clock does not matter.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _SECONDS_MAX)
    until = _instant(text)
    if until is None:
        return None
    return max(0.0, (until - (_instant(date) or datetime.now(UTC))).total_seconds())


def _instant(date: str | None) -> datetime | None:
    """Return an HTTP date in any of its three forms (RFC 9110 §5.6.7)."""
    if date is None:
        return None
    try:
        parsed = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # a date's year may have any number of digits
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
