"""Rate-limit headers of the responses to a key, and the errors of the two limits.

Without a limit of the plan or the key, no headers are sent: no number would be correct. Signed-in users have no limit.
"""

from datetime import datetime
from math import ceil

from app.http.errors import Problem
from app.verification.rate_limits import RateLimitStatus
from domain.usage.quota import Quota


def rate_headers(status: RateLimitStatus) -> dict[str, str]:
    """Return the headers for the limit per second, the remaining immediate requests, and the time of a full burst."""
    return {
        "X-RateLimit-Limit": str(status.limit),
        "X-RateLimit-Remaining": str(status.remaining),
        "X-RateLimit-Reset": str(status.resets_at),
    }


def rate_limited(status: RateLimitStatus) -> Problem:
    details = {"limit": status.limit, "per": "second"}
    return Problem("rate_limited", details=details, headers={"Retry-After": str(status.retry_after)})


def quota_exceeded(quota: Quota, at: datetime) -> Problem:
    details = {"limit": quota.limit, "used": quota.used, "plan": quota.plan, "resets_at": quota.resets_at}
    seconds = max(ceil((quota.resets_at - at).total_seconds()), 1)
    return Problem("quota_exceeded", details=details, headers={"Retry-After": str(seconds)})
