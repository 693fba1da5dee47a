"""What an operator may set about calls to MCP servers."""

import msgspec

from infrastructure.egress_policy import EgressPolicy


class GatewayConfig(msgspec.Struct, frozen=True):
    """Settings of one `Gateway`, the same for every upstream."""

    egress: EgressPolicy = EgressPolicy()
    """Which addresses may be reached."""
    response_bytes_max: int = 4 * 1024 * 1024
    """All response bodies of one call together may not be larger; the rest is not read."""
    upstream_text_max: int = 500
    """At most this many characters of an upstream's own error text are kept."""
    connections_max: int = 512
    """Calls that run at the same time, each over one connection. No organization has more than a quarter of them."""
    calls_per_mcp_max: int = 32
    """Calls to one MCP that run at the same time."""
    queued_per_mcp_max: int = 32
    """Calls to one MCP that wait for their turn, within their own time limit. A further one is refused."""
    idle_connections_max: int = 64
    """Idle connections that are kept for the next call."""
    idle_seconds: float = 20.0
    """An idle connection is closed after this long, before common servers close it themselves (60 s)."""
    lookups_max: int = 64
    """DNS lookups at the same time. Each holds a thread."""
    connect_attempt_seconds: float = 3.0
    """How long an address is tried before the next one is; the last one is tried twice as long."""
    client_version: str = "0.1.0"
    """How this gateway names itself to upstreams, beside `keyledger`."""
    ca_file: str | None = None
    """PEM file of certificate authorities to trust instead of the system's, for upstreams behind a private one."""
