"""Whether the service runs and can do its work."""

from msgspec import Struct, field


class Liveness(Struct, frozen=True):
    status: str


class Readiness(Struct, frozen=True):
    """`status`: "ready", "degraded" or "not ready". `checks`: "ok" or what is wrong, by name of the part."""

    status: str
    checks: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_ready(self) -> bool:
        """Requests are answered; when degraded, something beside them is missing."""
        return self.status in {"ready", "degraded"}
