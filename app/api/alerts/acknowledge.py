"""POST /v1/alerts/{id}/acknowledge: mark an alert as seen."""

from typing import cast

from litestar import post

from app.api.alerts.schemas import alert_shape
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, parse_body, parse_query
from domain.alerts.commands import AcknowledgeAlert
from domain.alerts.decider import ALERT
from domain.alerts.state import ExistingAlert
from infrastructure.clock import now


@post("/v1/alerts/{alert_id:str}/acknowledge", grant="alerts:write", status_code=200)
async def acknowledge_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    command = AcknowledgeAlert(at=now(), by=request.auth.actor)
    return await run_command(
        request,
        ALERT,
        alert_id,
        command,
        render=lambda change: alert_shape(cast("ExistingAlert", change.after)),
    )
