"""Liveness and readiness of the service."""

from msgspec import Struct, field


class Liveness(Struct, frozen=True):
    status: str


class Readiness(Struct, frozen=True):
    """`status`: "ready", "degraded" or "not ready". `checks`: "ok" or the problem, by name of the dependency."""

    status: str
    checks: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_ready(self) -> bool:
        """Return whether requests are served. A degraded service serves them, but lacks another dependency."""
        return self.status in {"ready", "degraded"}
