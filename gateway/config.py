"""What an operator may set about calls to MCP servers."""

import msgspec

from gateway.policy import EgressPolicy


class GatewayConfig(msgspec.Struct, frozen=True):
    """Settings of one `Gateway`, the same for every upstream."""

    egress: EgressPolicy = EgressPolicy()
    """Which addresses may be reached."""
    response_bytes_max: int = 4 * 1024 * 1024
    """All response bodies of one call together may not be larger; the rest is not read."""
    upstream_text_max: int = 500
    """At most this many characters of an upstream's own error text are kept."""
    connections_max: int = 256
    """Open connections to all upstreams together; a call that needs one more waits, within its timeout."""
    idle_connections_max: int = 64
    """Idle connections that are kept for the next call."""
    idle_seconds: float = 20.0
    """An idle connection is closed after this long, before common servers close it themselves (60 s)."""
    lookups_max: int = 16
    """DNS lookups under way at once. Each holds a thread, and a slow name server must not hold them all."""
    connect_attempt_seconds: float = 3.0
    """How long one address of several is tried before the next one is."""
    client_version: str = "0.1.0"
    """How this gateway names itself to upstreams, beside `keyledger`."""
    ca_file: str | None = None
    """PEM file of certificate authorities to trust instead of the system's, for upstreams behind a private one."""
