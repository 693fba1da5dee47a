"""GET /health/live and /health/ready: report whether this process runs and whether it can serve requests."""

from typing import Literal

from msgspec import Struct

from app.handlers import encode_success
from app.http.decoding import encode
from app.http.errors import RETRY_AFTER_SECONDS
from app.http.messages import RawRequest, RawResponse
from app.observability.health.readiness import readiness
from app.route import Alternative, Route
from app.services import Services
from infrastructure.clock import now


class Live(Struct, frozen=True):
    status: Literal["live"]


class Ready(Struct, frozen=True):
    """`checks` has one entry for every part: `ok`, or what is missing and the remedy.

    `degraded`: parts are missing, but requests are served.
    """

    status: Literal["ready", "degraded", "not ready"]
    checks: dict[str, str]


_LIVE = Live("live")
_LIVE_RESPONSE = encode_success(_LIVE)
_READY_EXAMPLE = Ready(
    "degraded",
    {
        "process": "ok",
        "verification": "ok",
        "database": "ok",
        "migrations": "ok",
        "followers": "ok",
        "partitions": "ok",
        "redis": "ok",
        "workers": "no worker runs: start one with python -m workers run",
        "scheduler": "ok",
        "jobs": "ok",
        "clock": "ok",
    },
)


@Route(
    "GET",
    "/health/live",
    access="anyone",
    tag="Service",
    summary="Check that the process runs",
    description="The check depends on nothing else: a process that responds does not need a restart.",
    example=_LIVE,
    direct=True,
    response=Live,
)
async def get_liveness(_inbound: RawRequest, _services: Services) -> RawResponse:
    """Respond 200 without I/O: restarting this process would not repair a server that it depends on."""
    return RawResponse(200, _LIVE_RESPONSE)


@Route(
    "GET",
    "/health/ready",
    access="anyone",
    tag="Service",
    summary="Check whether the process can serve requests",
    description="For load balancers. Requests are served even without Redis, workers or scheduler: the status "
    "is then 200 and `degraded`. `checks` lists what is missing and the remedy.",
    example=_READY_EXAMPLE,
    alternatives={
        503: Alternative(
            "No request can be served: no database or schema, no verification, or a shutdown.", _READY_EXAMPLE
        )
    },
    direct=True,
    response=Ready,
)
async def get_readiness(_inbound: RawRequest, services: Services) -> RawResponse:
    """Respond 503 if no request can be served, otherwise 200. Both responses list what is missing."""
    state = await services.snapshot.load(services.pool)
    found = readiness(
        state,
        redis_configured=bool(services.config.redis_url),
        at=now().timestamp(),
        is_draining=services.draining.began,
    )
    can_respond = found.status != "not ready"
    content = encode({"success": can_respond, "data": Ready(found.status, dict(found.checks))})
    if can_respond:
        return RawResponse(200, content)
    return RawResponse(503, content, {"Retry-After": RETRY_AFTER_SECONDS})
