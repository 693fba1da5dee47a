"""Many more requests than this key makes in such an hour of the week."""

from datetime import datetime

from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import NOTHING, Hours, comparable_hours
from domain.anomalies.statistics import baseline
from domain.anomalies.thresholds import Thresholds

_COUNTS_MIN = 6
"""Fewer say nothing: a key of two days has no habits yet."""

_GRAVE_RATIO = 10.0


def unusual_volume(hours: Hours, since: datetime, start: datetime, thresholds: Thresholds) -> Finding | None:
    """`start`: the beginning of the hour looked at, which need not be over: requests do not become fewer."""
    requests = hours.get(start, NOTHING).requests
    if requests < thresholds.volume_requests_min:
        return None
    first = min((hour for hour, counted in hours.items() if counted.requests and hour < start), default=None)
    if first is None:
        return None
    # Hours before the first use say nothing about what is usual: a key that waited for its start is not quiet by habit.
    counts = comparable_hours(hours, max(since, first), start)
    if len(counts) < _COUNTS_MIN:
        return None
    usual = baseline(counts)
    limit = max(usual.median * thresholds.volume_ratio, usual.median + usual.deviation * thresholds.volume_deviations)
    if requests <= limit:
        return None
    # Where next to nothing is usual, ten times that would be grave as soon as it is told at all.
    grave = requests >= max(usual.median, thresholds.volume_requests_min / thresholds.volume_ratio) * _GRAVE_RATIO
    return Finding(
        rule="volume",
        type="api_key.unusual_volume",
        severity="critical" if grave else "warning",
        numbers={
            "hour": start.isoformat().replace("+00:00", "Z"),
            "requests": requests,
            "usual": round(usual.median, 1),
            "deviation": round(usual.deviation, 1),
            "limit": round(limit, 1),
            "hours_compared": len(counts),
        },
    )
