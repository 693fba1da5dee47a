"""Alerts for tests, raised the way the workers raise them."""

from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from domain.alerts.events import AlertType, Number, Severity
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.app.organizations import Api
from workers.raise_alert import raise_alert


def raise_alerts(api: Api, *alerts: RaiseAlert) -> list[str]:
    async def store() -> None:
        async with pool(api.database.url, role=WORKER_ROLE) as connections:
            for each in alerts:
                assert await raise_alert(connections, EXPIRY_ALERTS, each)

    api.database.run(store())
    return [each.alert_id for each in alerts]


def alert_with(
    organization_id: str,
    kind: AlertType,
    severity: Severity = "warning",
    key_id: str | None = None,
    **numbers: Number,
) -> RaiseAlert:
    """Return an alert that is raised now because of these numbers."""
    return RaiseAlert(
        alert_id=new_id("alert"),
        organization_id=organization_id,
        alert_type=kind,
        severity=severity,
        at=now(),
        key_id=key_id,
        numbers=numbers,
    )
