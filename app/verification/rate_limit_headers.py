"""How limits are told: the headers of every answer to a key, and the two refusals.

An organization whose plan has no limit, and a key without one of its own, is shown no headers: there is no number that
would be true. A person who signed in is not limited.
"""

from datetime import datetime
from math import ceil

from app.http.errors import Problem
from app.verification.rate_limits import RateLimitStatus
from domain.usage.quota import Quota


def rate_headers(allowance: RateLimitStatus) -> dict[str, str]:
    """`X-RateLimit-Limit` a second, `-Remaining` at once from now on, `-Reset`: when all of these are there again."""
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": str(allowance.resets_at),
    }


def rate_limited(allowance: RateLimitStatus) -> Problem:
    details = {"limit": allowance.limit, "per": "second"}
    return Problem("rate_limited", details=details, headers={"Retry-After": str(allowance.retry_after)})


def quota_exceeded(quota: Quota, at: datetime) -> Problem:
    details = {"limit": quota.limit, "used": quota.used, "plan": quota.plan, "resets_at": quota.resets_at}
    seconds = max(ceil((quota.resets_at - at).total_seconds()), 1)
    return Problem("quota_exceeded", details=details, headers={"Retry-After": str(seconds)})
