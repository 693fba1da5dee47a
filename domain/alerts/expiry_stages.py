"""Stages at which a key's expiry is announced: 30, 14, 7 and 1 days before, once each.

A stage that had already passed when the expiry date was set is not announced: a caller who creates a key for five days
knows that it ends within a week. Changing the date makes all stages due again.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from domain.alerts.alert_id import alert_id
from domain.alerts.commands import RaiseAlert
from domain.alerts.events import AlertRaised, Severity

STAGES_DAYS = (30, 14, 7, 1)

_SEVERITIES: dict[int, Severity] = {30: "info", 14: "info", 7: "warning", 1: "critical"}


class Stage(Struct, frozen=True):
    """A stage, `days` before the expiry. `at` is the instant at which the stage is due."""

    days: int
    at: datetime


def next_stage(expires_at: datetime | None, after: datetime) -> Stage | None:
    """Return the first stage later than `after`, or None if no stage is left or the key does not expire."""
    if expires_at is None:
        return None
    stages = [Stage(days, expires_at - timedelta(days=days)) for days in STAGES_DAYS]
    return next((stage for stage in stages if stage.at > after), None)


def latest_stage(expires_at: datetime, now: datetime) -> Stage | None:
    """Return the last stage reached, which is the one to announce when several were missed.

    None before the first stage and after the expiry.
    """
    if now >= expires_at:
        return None
    stages = [Stage(days, expires_at - timedelta(days=days)) for days in reversed(STAGES_DAYS)]
    return next((stage for stage in stages if stage.at <= now), None)


def expiry_alert(key_id: str, organization_id: str, expires_at: datetime, stage: Stage, at: datetime) -> RaiseAlert:
    effect = f"api_key.expiring {key_id} {expires_at.isoformat()} {stage.days}"
    return RaiseAlert(
        alert_id=alert_id(effect, stage.at),
        organization_id=organization_id,
        alert_type="api_key.expiring",
        severity=_SEVERITIES[stage.days],
        at=at,
        key_id=key_id,
        numbers={"days": stage.days, "expires_at": expires_at.isoformat().replace("+00:00", "Z")},
    )


def expiry_in(alert: AlertRaised) -> datetime | None:
    """Return the expiry date in an alert that `expiry_alert` created, or None if the alert has none."""
    expires_at = alert.numbers.get("expires_at")
    return datetime.fromisoformat(expires_at) if isinstance(expires_at, str) else None
