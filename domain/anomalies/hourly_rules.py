"""All rules about one hour of one key, and the cool-down. A worker and a replay share them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from domain.anomalies.error_rate import error_spike
from domain.anomalies.finding import Finding, Rule
from domain.anomalies.hourly_counts import Hours
from domain.anomalies.thresholds import Thresholds
from domain.anomalies.volume import unusual_volume


def evaluate_hour(hours: Hours, since: datetime, start: datetime, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield the findings about the hour that started at `start`, for a key created at `since`."""
    volume = unusual_volume(hours, since, start, thresholds)
    if volume is not None:
        yield volume
    errors = error_spike(hours, start, thresholds)
    if errors is not None:
        yield errors


def in_cooldown(last_raised: Mapping[Rule, datetime], finding: Finding, at: datetime, thresholds: Thresholds) -> bool:
    """Return whether the same rule raised an alert about the key so recently that another would be noise."""
    last = last_raised.get(finding.rule)
    return last is not None and at - last < timedelta(hours=thresholds.cooldown_hours)
