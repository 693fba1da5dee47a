"""POST /v1/alerts/{id}/acknowledge: someone has seen it."""

from typing import cast

from litestar import post

from app.api.alerts.shape import alert_shape
from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of
from domain.alerts.commands import AcknowledgeAlert
from domain.alerts.decider import ALERT
from domain.alerts.state import ExistingAlert
from eventstore.clock import now
from eventstore.execute import no_guard


@post("/v1/alerts/{alert_id:str}/acknowledge", grant="alerts:write", status_code=200)
async def acknowledge_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    command = AcknowledgeAlert(at=now(), by=request.auth.actor)
    return await change(
        request,
        ALERT,
        alert_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=lambda made: alert_shape(cast("ExistingAlert", made.after)),
    )
