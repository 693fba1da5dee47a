"""DELETE /v1/session: sign out."""

from litestar import delete

from app.api.sessions.end import end
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, person_of, query_of, services_of
from app.security.sessions import cookies_of


@delete("/v1/session", only="people", status_code=200)
async def sign_out(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    answer = await end(request, person_of(request).session_id, "signed_out")
    answer.headers["Set-Cookie"] = cookies_of(services_of(request).config).drop("session")
    return answer
