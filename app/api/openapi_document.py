"""GET /schema/openapi.json: return the OpenAPI 3.1 document of this API."""

from litestar import Response, get

from app.handlers import Empty, HttpRequest, HttpResponse, parse_query


@get("/schema/openapi.json", access="anyone")
async def openapi_document(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    return Response(request.app.state.description.document, media_type="application/json")
