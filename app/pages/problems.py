"""GET /problems/{code}: show the meaning and the remedy of an error code. The URL is the `type` of the error."""

from litestar import Response, get

from app.handlers import Empty, HttpRequest, HttpResponse, parse_query, raw_request, success
from app.http.error_catalogue import ERRORS, ErrorCode
from app.http.errors import Problem
from app.pages.preferences import preferred
from app.pages.rendering import PageResponse, page

_OFFERED = ("text/html", "application/json", "text/plain")


@get("/problems/{code:str}", access="anyone")
async def problem_page(request: HttpRequest, code: str) -> HttpResponse | PageResponse:
    parse_query(request, Empty)
    known = ERRORS.get(code)
    if known is None:
        raise Problem("not_found")
    match preferred(raw_request(request).header("accept"), _OFFERED):
        case "application/json":
            return success(known.explained(code), headers={"Vary": "Accept"})
        case "text/plain":
            text = _text(code, known)
            return Response(text.encode(), media_type="text/plain", headers={"Vary": "Accept"})
        case _:
            return page("problem.html", headers={"Vary": "Accept"}, code=code, known=known)


def _text(code: str, known: ErrorCode) -> str:
    return (
        f"{known.title} ({code}, HTTP {known.status})\n\n{known.meaning}\n\n"
        f"Usual cause: {known.cause}\n\nWhat to do: {known.remedy}\n"
    )
