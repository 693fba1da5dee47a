"""Precision and recall of the rules on a labelled month."""

import sys
from datetime import datetime, timedelta

from domain.alerts.events import AlertType
from domain.anomalies.finding import Rule
from domain.anomalies.hourly_rules import evaluate_hour, in_cooldown
from domain.anomalies.location import new_location
from domain.anomalies.thresholds import DEFAULTS
from tests.domain.anomalies.synthetic import DAYS, HOUR, START, Incident, Month, month

KEYS = 80


def alerts_of(about: Month) -> list[tuple[AlertType, datetime]]:
    """Return the type and time of each alert that a worker would raise, hour by hour."""
    alerts: list[tuple[AlertType, datetime]] = []
    last: dict[Rule, datetime] = {}
    known: set[str] = set()
    for number in range(DAYS * 24):
        start = START + number * HOUR
        findings = list(evaluate_hour(about.hours, START, start, DEFAULTS))
        for at, place in about.places:
            if start <= at < start + HOUR:
                finding = new_location(known, place, START, at, DEFAULTS)
                findings += [] if finding is None else [finding]
                known.add(place)
        for finding in findings:
            if not in_cooldown(last, finding, start, DEFAULTS):
                last[finding.rule] = start
                alerts.append((finding.type, start))
    return alerts


def explains(incident: Incident, kind: str, at: datetime) -> bool:
    return incident.type == kind and incident.starts_at <= at < incident.ends_at + timedelta(hours=1)


def test_precision_and_recall() -> None:
    months = [month(number) for number in range(KEYS)]
    right = wrong = found = incidents = 0
    for about in months:
        alerts = alerts_of(about)
        explained = [any(explains(incident, *alert) for incident in about.incidents) for alert in alerts]
        right += sum(explained)
        wrong += len(explained) - sum(explained)
        found += sum(any(explains(incident, *alert) for alert in alerts) for incident in about.incidents)
        incidents += len(about.incidents)
    precision, recall = right / (right + wrong), found / incidents
    sys.stdout.write(
        f"{KEYS} keys, {incidents} incidents, {right + wrong} alerts: precision {precision:.3f}, recall {recall:.3f}\n"
    )
    assert incidents > 60
    assert precision >= 0.9
    assert recall >= 0.9
