"""Stages at which the use of the monthly quota is announced: 80, 95 and 100 per cent, once each.

If several stages are passed at the same time, only the highest is announced. A change of the quota starts a new set of
stages.
"""

from datetime import date, datetime

from domain.alerts.alert_id import alert_id
from domain.alerts.commands import RaiseAlert
from domain.alerts.events import Severity

STAGES_PERCENT = (80, 95, 100)

_SEVERITIES: dict[int, Severity] = {80: "info", 95: "warning", 100: "critical"}


def stage_reached(used: int, quota: int) -> int | None:
    """Return the highest stage that `used` of `quota` has reached, or None below the first. A quota of 0 is used up."""
    return max((stage for stage in STAGES_PERCENT if used * 100 >= quota * stage), default=None)


def quota_alert(organization_id: str, month: date, quota: int, used: int, stage: int, at: datetime) -> RaiseAlert:
    effect = f"usage.threshold {organization_id} {month.isoformat()} {quota} {stage}"
    return RaiseAlert(
        alert_id=alert_id(effect, datetime(month.year, month.month, month.day, tzinfo=at.tzinfo)),
        organization_id=organization_id,
        alert_type="usage.threshold",
        severity=_SEVERITIES[stage],
        at=at,
        numbers={
            "percentage": stage,
            "used": used,
            "limit": quota,
            "month": month.strftime("%Y-%m"),
        },
    )
