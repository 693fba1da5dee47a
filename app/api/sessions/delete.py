"""DELETE /v1/sessions/{id}: end one of the caller's own sessions. It is refused once this response is sent."""

from msgspec import Struct

from app.api import examples
from app.api.schemas import AlwaysTrue, SessionId
from app.auth.callers import PersonCaller
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, require_person
from app.route import Route
from app.services import Services
from domain.sessions.commands import EndSession
from domain.sessions.decider import SESSION
from domain.sessions.events import EndReason
from eventstore.recorded import Origin
from infrastructure.clock import now


class EndedSession(Struct, frozen=True):
    id: SessionId
    ended: AlwaysTrue


ENDED_SESSION_EXAMPLE = EndedSession(id=examples.SESSION_ID, ended=True)


@Route(
    "DELETE",
    "/v1/sessions/{session_id}",
    access="people",
    tag="Sessions",
    summary="End a session",
    description="End one of the caller's own sessions. It is refused once this response is sent.",
    example=ENDED_SESSION_EXAMPLE,
    has_revision=True,
    if_match=True,
)
async def delete_session(request: HttpRequest, session_id: str) -> Success[EndedSession]:
    is_current = session_id == require_person(request).session_id
    return await end(request, session_id, "signed_out" if is_current else "ended_elsewhere")


async def end(request: HttpRequest, session_id: str, reason: EndReason) -> Success[EndedSession]:
    command = EndSession(user_id=require_person(request).user_id, reason=reason, at=now())
    return await run_command(
        request,
        SESSION,
        session_id,
        command,
        render=lambda change: EndedSession(id=change.stream_id, ended=True),
    )


async def end_own(services: Services, caller: PersonCaller, session_id: str, reason: EndReason, origin: Origin) -> None:
    """End a session without an API response. Raise `SessionNotFound` for a session of another user."""
    command = EndSession(user_id=caller.user_id, reason=reason, at=now())
    await services.commands.run(
        SESSION,
        session_id,
        caller.organization_id,
        command,
        origin=origin,
        at=command.at,
        requires_unchanged=caller.version_precondition,
    )
