"""GET /v1/session: who is signed in, to which organization, in which role, and the CSRF token of the session."""

from litestar import get

from app.api.session.shape import secret_of, signed_in_shape
from app.requests import HttpRequest, HttpResponse, NoParameters, inbound_of, person_of, query_of, services_of, success


@get("/v1/session", only="people")
async def current_session(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    services, caller = services_of(request), person_of(request)
    secret = secret_of(services, inbound_of(request))
    return success(await signed_in_shape(services, caller.person, caller.session_id, secret))
