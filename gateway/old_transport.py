"""Recognize a server of the transport of 2024-11-05 (HTTP+SSE), which answers no POST at its own address."""

import anyio

from gateway.call_transport import Exchange
from gateway.wire.events import events

_SECONDS = 2.0
_OK = 200


async def speaks_old_transport(exchange: Exchange) -> bool:
    """Whether a GET is answered by a stream whose first event names the endpoint to post to."""
    try:
        with anyio.fail_after(_SECONDS):
            async with exchange.send("GET", {"Accept": "text/event-stream"}) as answered:
                if answered.status != _OK or answered.media_type != "text/event-stream":
                    return False
                async for event in events(answered.chunks()):
                    return event.kind == "endpoint"
    except Exception:  # noqa: BLE001 -- whatever else happens, it is not that transport
        return False
    return False
