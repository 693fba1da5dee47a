"""DELETE /v1/session: sign out."""

from litestar import delete

from app.api.sessions.delete import end
from app.auth.sessions import cookies_of
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query, require_person


@delete("/v1/session", access="people", status_code=200)
async def sign_out(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    parse_body(request, Empty)
    response = await end(request, require_person(request).session_id, "signed_out")
    response.headers["Set-Cookie"] = cookies_of(get_services(request).config).expire("session")
    return response
