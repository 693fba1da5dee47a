"""All rules about one hour of one key, and the cool-down: what a worker says now, and what a replay would have said."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from domain.anomalies.error_rate import error_spike
from domain.anomalies.finding import Finding, Rule
from domain.anomalies.hourly_counts import Hours
from domain.anomalies.thresholds import Thresholds
from domain.anomalies.volume import unusual_volume


def evaluate_hour(hours: Hours, since: datetime, start: datetime, thresholds: Thresholds) -> Iterator[Finding]:
    """What is unusual about the hour that began at `start`, of a key that began at `since`."""
    volume = unusual_volume(hours, since, start, thresholds)
    if volume is not None:
        yield volume
    errors = error_spike(hours, start, thresholds)
    if errors is not None:
        yield errors


def in_cooldown(last_raised: Mapping[Rule, datetime], finding: Finding, at: datetime, thresholds: Thresholds) -> bool:
    """Whether this rule spoke about this key so short a time ago that another alert is noise."""
    last = last_raised.get(finding.rule)
    return last is not None and at - last < timedelta(hours=thresholds.cooldown_hours)
