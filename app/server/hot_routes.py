"""The hot routes of this process, and what they share with the middleware."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.http.access_log import RequestLog
from app.http.host import HostRule
from app.http.messages import ProblemResponse
from app.observability.tracing.tracing import Tracing
from app.process.draining import Draining
from app.verification.hot_route import HotRoute
from app.verification.verification import Verification
from domain.networks import Network


@dataclass(frozen=True, slots=True)
class HotRoutes:
    """`routes`: those that the HTTP protocol answers itself, by `find`."""

    routes: Mapping[tuple[bytes, bytes], HotRoute]
    verification: Verification
    draining: Draining
    log: RequestLog
    traces: Tracing
    trusted_proxies: tuple[Network, ...]
    problem_response: ProblemResponse
    host: HostRule

    def find(self, method: bytes, path: bytes) -> HotRoute | None:
        """Return the hot route for a request whose path is written exactly like that of the route."""
        return self.routes.get((method, path)) or self.routes.get((b"", path))


def by_target(routes: Iterable[HotRoute]) -> dict[tuple[bytes, bytes], HotRoute]:
    """Return the routes by method and path. The method is empty if the route handles every method."""
    return {(b"" if route.any_method else route.method.encode(), route.path.encode()): route for route in routes}
