"""GET /v1/sessions: the sessions of the person who asks, newest first."""

from typing import Any

from litestar import get

from app.requests import HttpRequest, HttpResponse, NoParameters, person_of, query_of, services_of, success
from app.security.callers import PersonCaller
from app.services import Services
from eventstore.clock import now
from projections.sessions.queries import Listed, sessions_of


@get("/v1/sessions", only="people")
async def list_sessions(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    caller = person_of(request)
    return success([shape(each, caller) for each in await own_sessions(services_of(request), caller)])


async def own_sessions(services: Services, caller: PersonCaller) -> list[Listed]:
    """Those that have not ended in any way."""
    async with services.reading(caller.organization_id) as connection:
        return await sessions_of(connection, caller.user_id, now(), services.config.session_idle)


def shape(listed: Listed, caller: PersonCaller) -> dict[str, Any]:
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
