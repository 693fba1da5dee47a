"""GET /schema/openapi.json: return the OpenAPI 3.1 document of this API."""

from typing import Annotated

from litestar import Response
from msgspec import Meta, Struct

from app.handlers import HttpRequest, HttpResponse
from app.route import Route


class OpenApi(Struct, frozen=True):
    """An OpenAPI 3.1 document; see https://spec.openapis.org/oas/v3.1.0 for its members."""

    openapi: Annotated[str, Meta(pattern="^3[.]1[.]")]


@Route(
    "GET",
    "/schema/openapi.json",
    access="anyone",
    tag="Service",
    summary="Get the OpenAPI document",
    description="The document in OpenAPI 3.1.",
    response=OpenApi,
    example=OpenApi("3.1.0"),
    is_enveloped=False,
)
async def get_openapi_document(request: HttpRequest) -> HttpResponse:
    return Response(request.app.state.description.document, media_type="application/json")
