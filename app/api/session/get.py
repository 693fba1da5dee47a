"""GET /v1/session: return the signed-in user, their organization and role, and the session's CSRF token."""

from app.api.session.schemas import SIGNED_IN_EXAMPLE, SignedIn, load_signed_in, secret_of
from app.handlers import HttpRequest, Success, get_services, raw_request, require_person, success
from app.route import Route


@Route(
    "GET",
    "/v1/session",
    access="people",
    tag="Sessions",
    summary="Get the signed-in user",
    description="The response includes the CSRF token of the session.",
    example=SIGNED_IN_EXAMPLE,
)
async def get_current_session(request: HttpRequest) -> Success[SignedIn]:
    services, caller = get_services(request), require_person(request)
    secret = secret_of(services, raw_request(request))
    return success(await load_signed_in(services, caller.person, caller.session_id, secret))
