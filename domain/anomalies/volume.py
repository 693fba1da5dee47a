"""The rule about volume: far more requests than the key usually makes in this hour of the week."""

from datetime import datetime

from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import NOTHING, Hours, comparable_hours
from domain.anomalies.statistics import baseline
from domain.anomalies.thresholds import Thresholds

_COUNTS_MIN = 6
"""The minimum number of comparable hours. A key that is two days old has no usual volume yet."""

_CRITICAL_RATIO = 10.0


def unusual_volume(hours: Hours, since: datetime, start: datetime, thresholds: Thresholds) -> Finding | None:
    """Return a finding if the hour that starts at `start` has too many requests.

    The hour need not be over, because the number of its requests can only grow.
    """
    requests = hours.get(start, NOTHING).requests
    if requests < thresholds.volume_requests_min:
        return None
    first = min((hour for hour, counted in hours.items() if counted.requests and hour < start), default=None)
    if first is None:
        return None
    # Hours before the first use are not part of the usual volume: a key that was not in use yet is not a quiet key.
    counts = comparable_hours(hours, max(since, first), start)
    if len(counts) < _COUNTS_MIN:
        return None
    usual = baseline(counts)
    limit = max(usual.median * thresholds.volume_ratio, usual.median + usual.deviation * thresholds.volume_deviations)
    if requests <= limit:
        return None
    # Where almost nothing is usual, every finding would exceed ten times the median and be critical.
    critical = requests >= max(usual.median, thresholds.volume_requests_min / thresholds.volume_ratio) * _CRITICAL_RATIO
    return Finding(
        rule="volume",
        type="api_key.unusual_volume",
        severity="critical" if critical else "warning",
        numbers={
            "hour": start.isoformat().replace("+00:00", "Z"),
            "requests": requests,
            "usual": round(usual.median, 1),
            "deviation": round(usual.deviation, 1),
            "limit": round(limit, 1),
            "hours_compared": len(counts),
        },
    )
