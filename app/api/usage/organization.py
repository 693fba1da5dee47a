"""GET /v1/organization/usage: an alias of /v1/usage next to the other organization routes."""

from litestar import get

from app.api.usage.current import organization_usage_of
from app.handlers import HttpRequest, HttpResponse


@get("/v1/organization/usage", access="usage:read")
async def organization_usage(request: HttpRequest) -> HttpResponse:
    return await organization_usage_of(request)
