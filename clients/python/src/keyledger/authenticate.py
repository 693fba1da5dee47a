"""Admission of a request: the common part of the ASGI middleware and the Litestar guard.

Every request is verified; nothing is cached. Without a definite yes the request is refused, with 503 if the service
does not respond.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, TypeAlias, TypeVar

from msgspec import UNSET, Struct, UnsetType

from keyledger.address import canonical_address
from keyledger.clients import AsyncKeyledger
from keyledger.errors import ApiError, KeyledgerError
from keyledger.models.verification import Verification
from keyledger.presented_key import NoKey, presented_key

STATE_KEY = "keyledger"
"""Key in `scope["state"]` of the `Verification` of an admitted request."""

PROBLEM_TYPE = "application/problem+json"
"""RFC 9457."""

_KEY_CODES = {
    "unauthorized": "The request contains no valid API key.",
    "expired_key": "This key has expired.",
    "revoked_key": "This key has been revoked, or this secret was replaced by a rotation.",
    "disabled_key": "This key is disabled.",
}
_QUOTA = "quota_exceeded"
_RATE_CODES = {
    "rate_limited": "Too many requests.",
    _QUOTA: "The plan's requests for this month are used up.",
}
_REALM = 'Bearer realm="keyledger"'
_RETRY_SECONDS = 1.0
_USER_AGENT_LENGTH_MAX = 1_000

_log = logging.getLogger(__name__)


Subject = TypeVar("Subject")


class Denial(Struct, frozen=True):
    """The response to a refused request: 401, 403, 429 or 503."""

    status: int
    code: str
    title: str
    message: str
    headers: dict[str, str]


OfRequest: TypeAlias = str | Callable[[Subject], str | None] | UnsetType
"""A required MCP server or tool: a value, a function of the request that returns None if none is required, or UNSET."""


def check_requirement(name: str, given: OfRequest[Any]) -> None:
    """Raise TypeError for None and ValueError for an empty text: a variable that is not set would admit every key."""
    if given is not UNSET and not callable(given):
        _text(name, given)


def required(name: str, given: OfRequest[Subject], request: Subject) -> str | None:
    """Return what is required for a request, or None. Raise as `check_requirement` does."""
    if isinstance(given, UnsetType):
        return None
    if not callable(given):
        return _text(name, given)
    value = given(request)
    return None if value is None else _text(name, value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, not {value!r}. Is a variable not set?")
    if not value:
        raise ValueError(f"{name} must not be empty. Is a variable not set?")
    return value


async def admit(
    client: AsyncKeyledger,
    headers: Iterable[tuple[bytes, bytes]],
    address: str | None,
    *,
    mcp_id: str | None,
    tool: str | None,
    accept_imported: bool = False,
) -> Verification | Denial:
    """Return the decision on the key in the headers (`Authorization: Bearer …` or `X-API-Key`).

    `accept_imported`: send any credential to the service, because it may be the secret of an imported key.
    """
    named = [(name.lower(), value) for name, value in headers]
    key = presented_key(named, accept_imported=accept_imported)
    if isinstance(key, NoKey):
        return _unauthorized("unauthorized", presented=key.credential_sent, message=key.message)
    agent = dict(named).get(b"user-agent", b"").decode("latin-1")
    try:
        verification = await client.verify(
            key,
            mcp_id=mcp_id,
            tool=tool,
            ip=canonical_address(address),
            user_agent=agent[:_USER_AGENT_LENGTH_MAX] or None,
        )
    except KeyledgerError as error:
        # Logged even if the service refused the client's own key, because the caller can do nothing about that.
        _log.warning("keyledger_verify_failed: %s", error)
        after = error.retry_after if isinstance(error, ApiError) else None
        return _unavailable(after or _RETRY_SECONDS)
    return verification if verification.valid else _denied(verification.code)


def problem_of(denial: Denial) -> dict[str, Any]:
    """Return the body of the response (RFC 9457), in the form of Keyledger's own errors."""
    return {
        "type": f"urn:keyledger:problem:{denial.code}",
        "title": denial.title,
        "status": denial.status,
        "detail": denial.message,
        "success": False,
        "error": {"code": denial.code, "message": denial.message},
    }


def _denied(code: str) -> Denial:
    if code in _KEY_CODES:
        return _unauthorized(code, presented=True)
    if code in _RATE_CODES:
        seconds = _until_next_month(datetime.now(UTC)) if code == _QUOTA else _RETRY_SECONDS
        after = {"Retry-After": f"{ceil(seconds)}"}
        return Denial(429, code, "Too many requests", _RATE_CODES[code], after)
    return Denial(403, code, "Forbidden", "This key is not allowed to do this.", {})


def _until_next_month(at: datetime) -> float:
    """Return the seconds until the monthly count restarts from zero, at the start of the next month in UTC."""
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return max(1.0, ceil((following - at).total_seconds()))


def _unauthorized(code: str, *, presented: bool, message: str | None = None) -> Denial:
    challenge = f'{_REALM}, error="invalid_token"' if presented else _REALM
    return Denial(401, code, "Unauthorized", message or _KEY_CODES[code], {"WWW-Authenticate": challenge})


def _unavailable(retry_after: float) -> Denial:
    headers = {"Retry-After": f"{ceil(retry_after)}"}
    return Denial(503, "unavailable", "Unavailable", "Keys cannot be verified now.", headers)
