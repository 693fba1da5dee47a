"""The rule about errors: far more of a key's calls fail than usual."""

from datetime import datetime, timedelta

from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import NOTHING, Hours, total
from domain.anomalies.statistics import wilson_bounds
from domain.anomalies.thresholds import Thresholds

_Z = 3.0
_BASELINE_DAYS = 7
_CRITICAL_RATE = 0.5

_ERRORS_MIN = 3
"""The minimum number of errors for a spike, regardless of the thresholds of an organization."""


def error_spike(hours: Hours, start: datetime, thresholds: Thresholds) -> Finding | None:
    """Return a finding if the hour that starts at `start` has too many errors.

    The rule compares confidence bounds, so that a small number of calls proves little.
    """
    hour = hours.get(start, NOTHING)
    if hour.requests < thresholds.errors_requests_min or hour.errors < _ERRORS_MIN:
        return None
    before = total(hours, start - timedelta(days=_BASELINE_DAYS), start)
    lowest, _ = wilson_bounds(hour.errors, hour.requests, _Z)
    usual = before.errors / before.requests if before.requests else 0.0
    limit = max(thresholds.errors_rate_min, usual * thresholds.errors_ratio)
    if lowest <= limit:
        return None
    rate = hour.errors / hour.requests
    return Finding(
        rule="errors",
        type="api_key.error_spike",
        severity="critical" if rate >= _CRITICAL_RATE else "warning",
        numbers={
            "hour": start.isoformat().replace("+00:00", "Z"),
            "requests": hour.requests,
            "errors": hour.errors,
            "rate": round(rate, 4),
            "rate_at_least": round(lowest, 4),
            "usual_rate": round(usual, 4),
            "limit": round(limit, 4),
        },
    )
