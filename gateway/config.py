"""Settings for calls to MCP servers."""

import msgspec

from infrastructure.egress_policy import EgressPolicy


class GatewayConfig(msgspec.Struct, frozen=True):
    """Settings of one `Gateway`, the same for every upstream."""

    egress: EgressPolicy = EgressPolicy()
    """The addresses that may be reached."""
    response_bytes_max: int = 4 * 1024 * 1024
    """Limit of all response bodies of one call together; anything beyond it is not read."""
    upstream_text_max: int = 500
    """Number of characters of an upstream's error text that are kept."""
    connections_max: int = 512
    """Concurrent calls, each over one connection. No organization gets more than a quarter of them."""
    calls_per_mcp_max: int = 32
    """Concurrent calls to one MCP."""
    queued_per_mcp_max: int = 32
    """Calls to one MCP that wait for a slot, within their own time limit. Further calls are refused."""
    idle_connections_max: int = 64
    """Idle connections that are kept for later calls."""
    idle_seconds: float = 20.0
    """An idle connection is closed after this long, before common servers close it themselves (60 s)."""
    lookups_max: int = 64
    """Concurrent DNS lookups. Each occupies a thread."""
    connect_attempt_seconds: float = 3.0
    """How long to try an address before the next one. The last address is tried twice as long."""
    client_version: str = "0.1.0"
    """The version that this gateway sends to upstreams after the name `keyledger`."""
    ca_file: str | None = None
    """PEM file of certificate authorities to trust instead of the system's, for upstreams with a private authority."""
