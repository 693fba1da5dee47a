"""DELETE /v1/sessions: end all of the caller's other sessions, for example after losing a laptop."""

from msgspec import Struct

from app.api import examples
from app.api.schemas import SessionId
from app.api.sessions.delete import end_own
from app.api.sessions.list import own_sessions
from app.auth.callers import PersonCaller
from app.commands.step_by_step import step_by_step
from app.handlers import HttpRequest, Success, get_services, raw_request, require_person, success
from app.route import Route
from app.services import Services
from eventstore.recorded import Origin


class EndedSessions(Struct, frozen=True):
    ended: list[SessionId]


@Route(
    "DELETE",
    "/v1/sessions",
    access="people",
    tag="Sessions",
    summary="End all other sessions",
    description="End all of the caller's sessions except the current one.",
    example=EndedSessions(ended=[examples.SESSION_ID]),
    idempotent=False,
)
async def delete_other_sessions(request: HttpRequest) -> Success[EndedSessions]:
    caller = require_person(request)
    ended = await end_others(get_services(request), caller, caller.origin(raw_request(request)))
    return success(EndedSessions(ended))


async def end_others(services: Services, caller: PersonCaller, origin: Origin) -> list[str]:
    """End the other sessions and return their ids. Each is a separate change; a repeated request ends the rest."""
    others = [each.session_id for each in await own_sessions(services, caller) if each.session_id != caller.session_id]
    ended: list[str] = []
    with step_by_step(lambda: ended):
        for session_id in others:
            await end_own(services, caller, session_id, "ended_elsewhere", origin)
            ended.append(session_id)
    return ended
