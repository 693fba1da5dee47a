"""GET /v1/sessions: list the caller's own sessions, newest first."""

from typing import Any

from litestar import get

from app.auth.callers import PersonCaller
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_query, require_person, success
from app.services import Services
from infrastructure.clock import now
from projections.records.sessions.queries import SessionRow, sessions_of


@get("/v1/sessions", access="people")
async def list_sessions(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    caller = require_person(request)
    return success([shape(each, caller) for each in await own_sessions(get_services(request), caller)])


async def own_sessions(services: Services, caller: PersonCaller) -> list[SessionRow]:
    """Return the sessions that have neither ended nor expired."""
    async with services.read_transaction(caller.organization_id) as connection:
        return await sessions_of(connection, caller.user_id, now(), services.config.session_idle)


def shape(listed: SessionRow, caller: PersonCaller) -> dict[str, Any]:
    return {
        "id": listed.session_id,
        "current": listed.session_id == caller.session_id,
        "method": listed.method,
        "created_at": listed.started_at,
        "last_seen_at": listed.last_seen_at,
        "expires_at": listed.expires_at,
        "ip": listed.ip,
        "user_agent": listed.user_agent,
    }
