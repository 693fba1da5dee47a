"""GET /problems/{code}: what an error code means and what to do about it. The address is the `type` of every error."""

from litestar import Response, get

from app.handlers import Empty, HttpRequest, HttpResponse, parse_query, raw_request, success
from app.http.errors import ERRORS, ErrorCode, Problem
from app.pages.explanations import EXPLANATIONS, Explanation
from app.pages.preferences import preferred
from app.pages.rendering import PageResponse, page

_OFFERED = ("text/html", "application/json", "text/plain")


@get("/problems/{code:str}", public=True)
async def problem_page(request: HttpRequest, code: str) -> HttpResponse | PageResponse:
    parse_query(request, Empty)
    known, explained = ERRORS.get(code), EXPLANATIONS.get(code)
    if known is None or explained is None:
        raise Problem("not_found")
    match preferred(raw_request(request).header("accept"), _OFFERED):
        case "application/json":
            data = {"code": code, "status": known.status, "title": known.title, **explained._asdict()}
            return success(data, headers={"Vary": "Accept"})
        case "text/plain":
            text = _text(code, known, explained)
            return Response(text.encode(), media_type="text/plain", headers={"Vary": "Accept"})
        case _:
            return page("problem.html", headers={"Vary": "Accept"}, code=code, known=known, explained=explained)


def _text(code: str, known: ErrorCode, explained: Explanation) -> str:
    return (
        f"{known.title} ({code}, HTTP {known.status})\n\n{explained.meaning}\n\n"
        f"Usual cause: {explained.cause}\n\nWhat to do: {explained.remedy}\n"
    )
