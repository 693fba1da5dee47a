"""DELETE /v1/sessions: end all of one's own sessions but the one that asks. What to do about a lost laptop."""

from litestar import delete

from app.api.sessions.end import end_own
from app.api.sessions.list import own_sessions
from app.outcomes import step_by_step
from app.requests import (
    HttpRequest,
    HttpResponse,
    NoParameters,
    body_of,
    inbound_of,
    person_of,
    query_of,
    services_of,
    success,
)
from app.security.callers import PersonCaller
from app.services import Services
from eventstore.recorded import Origin


@delete("/v1/sessions", only="people", status_code=200)
async def end_other_sessions(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    caller = person_of(request)
    return success({"ended": await end_others(services_of(request), caller, caller.origin(inbound_of(request)))})


async def end_others(services: Services, caller: PersonCaller, origin: Origin) -> list[str]:
    """The ids of the sessions that were ended. Each is a change of its own; a repeat does what is left."""
    others = [each.session_id for each in await own_sessions(services, caller) if each.session_id != caller.session_id]
    ended: list[str] = []
    with step_by_step(lambda: ended):
        for session_id in others:
            await end_own(services, caller, session_id, "ended_elsewhere", origin)
            ended.append(session_id)
    return ended
