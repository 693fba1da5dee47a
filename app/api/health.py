"""GET /health/live and /health/ready: report whether this process runs and whether it can serve requests."""

from typing import Any

import msgspec
from litestar import Response, get

from app.handlers import HttpRequest, HttpResponse, get_services
from app.http.errors import RETRY_AFTER_SECONDS
from app.http.messages import RawRequest, RawResponse
from app.observability.health.readiness import readiness
from app.services import Services
from infrastructure.clock import now

_LIVE = b'{"success":true,"data":{"status":"live"}}'


async def live(_inbound: RawRequest, _services: Services) -> RawResponse:
    """Respond 200 without I/O: restarting this process would not repair a server that it depends on."""
    return RawResponse(200, _LIVE)


@get("/health/ready", access="anyone")
async def ready(request: HttpRequest) -> HttpResponse:
    """Respond 503 if no request can be served, otherwise 200. Both responses list what is missing."""
    services = get_services(request)
    state = await services.snapshot.load(services.pool)
    found = readiness(
        state,
        redis_configured=bool(services.config.redis_url),
        at=now().timestamp(),
        is_draining=services.draining.began,
    )
    can_answer = found.status != "not ready"
    content: dict[str, Any] = {"success": can_answer, "data": found}
    return Response(
        msgspec.json.encode(content),
        status_code=200 if can_answer else 503,
        headers={} if can_answer else {"Retry-After": RETRY_AFTER_SECONDS},
        media_type="application/json",
    )
