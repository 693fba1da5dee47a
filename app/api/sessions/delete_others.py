"""DELETE /v1/sessions: end all of the caller's other sessions, for example after losing a laptop."""

from litestar import delete

from app.api.sessions.delete import end_own
from app.api.sessions.list import own_sessions
from app.auth.callers import PersonCaller
from app.commands.step_by_step import step_by_step
from app.handlers import (
    Empty,
    HttpRequest,
    HttpResponse,
    get_services,
    parse_body,
    parse_query,
    raw_request,
    require_person,
    success,
)
from app.services import Services
from eventstore.recorded import Origin


@delete("/v1/sessions", access="people", status_code=200)
async def end_other_sessions(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    caller = require_person(request)
    return success({"ended": await end_others(get_services(request), caller, caller.origin(raw_request(request)))})


async def end_others(services: Services, caller: PersonCaller, origin: Origin) -> list[str]:
    """End the other sessions and return their ids. Each is a separate change; a repeated request ends the rest."""
    others = [each.session_id for each in await own_sessions(services, caller) if each.session_id != caller.session_id]
    ended: list[str] = []
    with step_by_step(lambda: ended):
        for session_id in others:
            await end_own(services, caller, session_id, "ended_elsewhere", origin)
            ended.append(session_id)
    return ended
