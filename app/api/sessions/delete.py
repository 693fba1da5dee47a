"""DELETE /v1/sessions/{id}: end one of one's own sessions, wherever it is. It is refused from this answer on."""

from litestar import delete

from app.auth.callers import PersonCaller
from app.commands.outcomes import carry_out
from app.commands.run_command import change
from app.http.handlers import Empty, HttpRequest, HttpResponse, parse_body, parse_query, require_person
from app.services import Services
from domain.sessions.commands import EndSession
from domain.sessions.decider import SESSION
from domain.sessions.events import EndReason
from eventstore.execute import Write, no_guard
from eventstore.recorded import Origin
from infrastructure.clock import new_event_id, now


@delete("/v1/sessions/{session_id:str}", only="people", status_code=200)
async def end_session(request: HttpRequest, session_id: str) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    is_current = session_id == require_person(request).session_id
    return await end(request, session_id, "signed_out" if is_current else "ended_elsewhere")


async def end(request: HttpRequest, session_id: str, reason: EndReason) -> HttpResponse:
    command = EndSession(user_id=require_person(request).user_id, reason=reason, at=now())
    return await change(
        request,
        SESSION,
        session_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=lambda made: {"id": made.stream_id, "ended": True},
    )


async def end_own(services: Services, caller: PersonCaller, session_id: str, reason: EndReason, origin: Origin) -> None:
    """The same for those who need no answer of the API. Raises `SessionNotFound` for a session of someone else."""
    at = now()
    command = EndSession(user_id=caller.user_id, reason=reason, at=at)
    write = Write(
        decider=SESSION,
        stream_id=session_id,
        organization_id=caller.organization_id,
        command=lambda _: command,
        guard=no_guard(),
        at=at,
        origin=origin,
        new_event_id=new_event_id,
        requires_unchanged=caller.reliance,
    )
    await carry_out(services, write)
