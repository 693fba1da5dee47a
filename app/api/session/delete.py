"""DELETE /v1/session: sign out."""

from app.api.sessions.delete import ENDED_SESSION_EXAMPLE, EndedSession, end
from app.auth.sessions import cookies_of
from app.handlers import HttpRequest, Success, get_services, require_person
from app.route import Route


@Route(
    "DELETE",
    "/v1/session",
    access="people",
    tag="Sessions",
    summary="Sign out",
    description="The session is refused once this response is sent.",
    example=ENDED_SESSION_EXAMPLE,
    has_revision=True,
    if_match=True,
)
async def delete_current_session(request: HttpRequest) -> Success[EndedSession]:
    response = await end(request, require_person(request).session_id, "signed_out")
    response.headers["Set-Cookie"] = cookies_of(get_services(request).config).expire("session")
    return response
