"""POST /v1/alerts/{id}/acknowledge: mark an alert as seen."""

from typing import cast

from msgspec import structs

from app.api import examples
from app.api.alerts.schemas import ALERT_EXAMPLE, Alert, names_in, to_alert
from app.api.schemas import Actor
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.alerts.commands import AcknowledgeAlert
from domain.alerts.decider import ALERT
from domain.alerts.errors import AlertNotFound
from domain.alerts.state import Acknowledged, ExistingAlert
from infrastructure.clock import now
from projections.read_models.alerts.list.queries import alert_of


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
        acknowledged_by=Actor("user", examples.USER_ID, "owner@example.com"),
        revision=2,
    ),
    has_revision=True,
    if_match=True,
    idempotent=True,
)
async def acknowledge_alert(request: HttpRequest, alert_id: str) -> Success[Alert]:
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        state = await alert_of(connection, alert_id, caller.organization_id)
        if state is None:
            raise AlertNotFound
        at = now()
        # The first acknowledgement stays: later ones do not change who acknowledged the alert.
        seen = state if isinstance(state, Acknowledged) else Acknowledged(state.alert, at, caller.actor)
        names = await names_in(connection, [seen], caller)
    return await run_command(
        request,
        ALERT,
        alert_id,
        AcknowledgeAlert(at=at, by=caller.actor),
        render=lambda change: to_alert(cast("ExistingAlert", change.after), names),
    )
