"""Detection of servers with the transport of 2024-11-05 (HTTP+SSE), which accept no POST at their registered URL."""

import anyio

from gateway.call_transport import Exchange
from gateway.wire.events import events

_SECONDS = 2.0
_OK = 200


async def speaks_old_transport(exchange: Exchange) -> bool:
    """Return whether a GET returns a stream whose first event names the endpoint for POST requests."""
    try:
        with anyio.fail_after(_SECONDS):
            async with exchange.send("GET", {"Accept": "text/event-stream"}) as answered:
                if answered.status != _OK or answered.media_type != "text/event-stream":
                    return False
                async for event in events(answered.chunks()):
                    return event.kind == "endpoint"
    except Exception:  # noqa: BLE001 -- any failure means that the server does not use that transport
        return False
    return False
