"""GET /schema/openapi.json: this API as OpenAPI 3.1, for programs."""

from litestar import Response, get

from app.requests import HttpRequest, HttpResponse, NoParameters, query_of


@get("/schema/openapi.json", public=True)
async def openapi_document(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    return Response(request.app.state.description.document, media_type="application/json")
