"""Settings of the API with rate limits and quotas that are counted and never reached, and without them."""

import json
from collections.abc import Mapping
from typing import Final

from domain.plans.plan import PlanName

PLAN: Final[PlanName] = "pro"
"""The plan of the measured organization."""

REQUESTS_PER_SECOND = 1_000_000
_MONTHLY_REQUESTS = 1_000_000_000


def with_limits(redis_url: str) -> Mapping[str, str]:
    """Return settings with which every use is counted against a rate limit in Valkey and a quota in PostgreSQL.

    The timeout for Valkey is a second a batch: with the default, a busy machine would let some uses pass uncounted.
    """
    plan = {"requests_per_second": REQUESTS_PER_SECOND, "monthly_requests": _MONTHLY_REQUESTS}
    return {
        "REDIS_URL": redis_url,
        "KEYLEDGER_PLANS": json.dumps({PLAN: plan}),
        "KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS": "1",
    }


def without_limits() -> Mapping[str, str]:
    """Return settings with which no use is counted. The environment of the benchmark does not matter."""
    plan = {"requests_per_second": None, "monthly_requests": None}
    return {"REDIS_URL": "", "KEYLEDGER_PLANS": json.dumps({PLAN: plan})}
