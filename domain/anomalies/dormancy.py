"""The rule about dormancy: a key is used again after a long time without use."""

from datetime import datetime, timedelta

from domain.anomalies.finding import Finding
from domain.anomalies.thresholds import Thresholds


def dormant_used(last_used: datetime, at: datetime, thresholds: Thresholds) -> Finding | None:
    """Return a finding if the key was dormant.

    `last_used`: the previous use, or the creation of the key if there was none.
    """
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
