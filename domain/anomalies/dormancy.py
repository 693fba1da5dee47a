"""A key that nobody used for a long time is used again."""

from datetime import datetime, timedelta

from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import Thresholds


def dormant_used(last_used: datetime, at: datetime, thresholds: Thresholds) -> Finding | None:
    """`last_used`: the use before, or when the key was made if there was none."""
    unused = at - last_used
    if unused < timedelta(days=thresholds.dormant_days):
        return None
    return Finding(
        rule="dormant",
        type="api_key.dormant_used",
        severity="warning",
        numbers={
            "unused_days": unused.days,
            "last_used": last_used.isoformat().replace("+00:00", "Z"),
            "limit_days": thresholds.dormant_days,
        },
    )
