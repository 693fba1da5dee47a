"""GET /metrics: return the metrics for Prometheus.

With KEYLEDGER_METRICS_TOKEN, only requests with this bearer token are accepted. Without it, only clients on this
machine or on a private network are accepted, and no requests through an unknown proxy, whose clients could be anyone.
"""

from hmac import compare_digest

from app.auth.bearer import bearer_tokens
from app.http.errors import Problem
from app.http.messages import RawRequest, RawResponse
from app.observability.metrics.lazy_exporter import CONTENT_TYPE
from app.route import Route
from app.services import Services
from domain.networks import parse_address

_PROXY_HEADERS = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
_REFUSED = "Connect from this machine or a private network, or set KEYLEDGER_METRICS_TOKEN and send it as bearer token."


@Route(
    "GET",
    "/metrics",
    access="anyone",
    tag="Service",
    summary="Get the Prometheus metrics",
    description="Accepted from this machine or a private network without an unknown proxy. If the operator has "
    "set a token, it is required as a bearer token instead.",
    errors=("forbidden",),
    media_type=CONTENT_TYPE,
    direct=True,
)
async def get_metrics(inbound: RawRequest, services: Services) -> RawResponse:
    _require_access(inbound, services)
    state = await services.snapshot.load(services.pool)
    return RawResponse(200, await services.exposition.text(state), content_type=CONTENT_TYPE)


def _require_access(inbound: RawRequest, services: Services) -> None:
    config = services.config
    if config.metrics_token:
        token = config.metrics_token.encode()
        if not any(compare_digest(given, token) for given in _bearer_tokens(inbound)):
            raise Problem("forbidden", "Send KEYLEDGER_METRICS_TOKEN as a bearer token.")
        return
    is_proxied = any(name in inbound.headers for name in _PROXY_HEADERS)
    if inbound.ip is None or (is_proxied and not config.trusted_proxies) or not _is_private(inbound.ip):
        raise Problem("forbidden", _REFUSED)


def _bearer_tokens(inbound: RawRequest) -> list[bytes]:
    """Return possible tokens, including the whole header: an operator's token may contain commas."""
    scheme, _, value = inbound.headers.get(b"authorization", b"").partition(b" ")
    return [*bearer_tokens(inbound.headers), *([value.strip()] if scheme.lower() == b"bearer" else [])]


def _is_private(ip: str) -> bool:
    address = parse_address(ip)
    return address is not None and (address.is_loopback or (address.is_private and not address.is_unspecified))
