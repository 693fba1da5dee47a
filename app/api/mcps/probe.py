"""POST /v1/mcps/{id}/test: does the server answer, and what does it offer? An inactive MCP can be tested too."""

from litestar import post
from msgspec import Struct

from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of, success
from gateway.health import probe
from gateway.way import way_to


class Tested(Struct, frozen=True):
    """All but the first two are null where the server was not reached."""

    reachable: bool
    latency_ms: int
    protocol_version: str | None
    tools_count: int | None
    resources_count: int | None


@post("/v1/mcps/{mcp_id:str}/test", grant="mcps:write", status_code=200)
async def test_mcp(request: HttpRequest, mcp_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    services = services_of(request)
    way = await way_to(services.pool, services.sealer, mcp_id, request.auth.organization_id)
    found = await probe(services.pool, services.gateway, way, beyond_doubt=True)
    return success(
        Tested(found.reachable, found.latency_ms, found.protocol_version, found.tools_count, found.resources_count)
    )
