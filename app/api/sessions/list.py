"""GET /v1/sessions: list the caller's own sessions, newest first."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import SessionId, Time
from app.auth.callers import PersonCaller
from app.handlers import HttpRequest, Success, get_services, require_person, success
from app.route import Route
from app.services import Services
from domain.sessions.events import Method
from infrastructure.clock import now
from projections.records.sessions.queries import SessionRow, sessions_of


class Session(Struct, frozen=True):
    id: SessionId
    current: Annotated[bool, Meta(description="Whether this is the session of the request.")]
    method: Method
    created_at: Time
    last_seen_at: Time
    expires_at: Time
    ip: str | None
    user_agent: str | None


@Route(
    "GET",
    "/v1/sessions",
    access="people",
    tag="Sessions",
    summary="List sessions",
    description="The caller's own sessions, newest first. There are few, so the list has no pages.",
    example=[
        Session(
            id=examples.SESSION_ID,
            current=True,
            method="link",
            created_at=examples.THEN,
            last_seen_at=examples.LATER,
            expires_at=examples.LATER + timedelta(days=1),
            ip="192.0.2.7",
            user_agent="Firefox",
        )
    ],
)
async def list_sessions(request: HttpRequest) -> Success[list[Session]]:
    caller = require_person(request)
    return success([_to_session(each, caller) for each in await own_sessions(get_services(request), caller)])


async def own_sessions(services: Services, caller: PersonCaller) -> list[SessionRow]:
    """Return the sessions that have neither ended nor expired."""
    async with services.read_transaction(caller.organization_id) as connection:
        return await sessions_of(connection, caller.user_id, now(), services.config.session_idle)


def _to_session(listed: SessionRow, caller: PersonCaller) -> Session:
    return Session(
        id=listed.session_id,
        current=listed.session_id == caller.session_id,
        method=listed.method,
        created_at=listed.started_at,
        last_seen_at=listed.last_seen_at,
        expires_at=listed.expires_at,
        ip=listed.ip,
        user_agent=listed.user_agent,
    )
