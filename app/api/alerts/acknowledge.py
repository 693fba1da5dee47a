"""POST /v1/alerts/{id}/acknowledge: mark an alert as seen."""

from typing import cast

from msgspec import structs

from app.api import examples
from app.api.alerts.schemas import ALERT_EXAMPLE, Alert, to_alert
from app.api.schemas import Actor
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success
from app.route import Route
from domain.alerts.commands import AcknowledgeAlert
from domain.alerts.decider import ALERT
from domain.alerts.state import ExistingAlert
from infrastructure.clock import now


@Route(
    "POST",
    "/v1/alerts/{alert_id}/acknowledge",
    access="alerts:write",
    tag="Alerts",
    summary="Acknowledge an alert",
    description="Mark the alert as seen. Acknowledging it again changes nothing.",
    example=structs.replace(
        ALERT_EXAMPLE,
        status="acknowledged",
        acknowledged_at=examples.LATER,
        acknowledged_by=Actor("user", examples.USER_ID),
        revision=2,
    ),
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def acknowledge_alert(request: HttpRequest, alert_id: str) -> Success[Alert]:
    return await run_command(
        request,
        ALERT,
        alert_id,
        AcknowledgeAlert(at=now(), by=request.auth.actor),
        render=lambda change: to_alert(cast("ExistingAlert", change.after)),
    )
