"""GET /v1/session: return the signed-in user, their organization and role, and the session's CSRF token."""

from litestar import get

from app.api.session.schemas import secret_of, signed_in_shape
from app.handlers import (
    Empty,
    HttpRequest,
    HttpResponse,
    get_services,
    parse_query,
    raw_request,
    require_person,
    success,
)


@get("/v1/session", access="people")
async def current_session(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    services, caller = get_services(request), require_person(request)
    secret = secret_of(services, raw_request(request))
    return success(await signed_in_shape(services, caller.person, caller.session_id, secret))
