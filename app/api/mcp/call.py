"""One call to an MCP server for the holder of a key, whatever is asked of the server.

Recorded in two steps: authorised, durably, before the upstream is asked, and completed, before the caller is answered.
A crash between them leaves a call that was started and whose outcome nobody knows, and that is how it is shown.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from msgspec import Struct, field

from app.exchange import Inbound
from app.security.admission import refuse_denied, ruling_on
from app.security.callers import presentation
from app.services import Services
from app.verification import Completed, Presented
from domain.keys.state import Key
from domain.refusal import Refusal
from domain.usage.events import CallStatus
from eventstore.errors import UNAVAILABLE, LogError, Unavailable
from gateway.errors import GatewayError
from gateway.gateway import Gateway
from gateway.health import note_call
from gateway.results import Resource, ToolResult
from gateway.way import Way, open_way_to

TIMEOUT_MS_DEFAULT = 30_000

R = TypeVar("R", ToolResult, Resource)

_log = structlog.get_logger(__name__)


class Progress(Struct):
    """How far a call got: whether the gateway was told to ask the server."""

    server_asked: bool = False


class Call(Struct, frozen=True):
    """A call that was authorised. `named` is how its end is recorded: the tool, or the method of the protocol."""

    services: Services
    key: Key
    call_id: str
    mcp_id: str
    named: str
    timeout_ms: int
    progress: Progress = field(default_factory=Progress)

    async def carry_out(self, ask: Callable[[Gateway, Way, float], Awaitable[R]]) -> R:
        """What the server answers; however it ends, the end is recorded before anyone is answered."""
        try:
            services = self.services
            way = await open_way_to(services.pool, services.sealer, self.mcp_id, self.key.organization_id)
        except (Unavailable, *UNAVAILABLE) as error:
            await self.ended("error", "unavailable")
            raise Unavailable from error
        except Exception as error:
            # Nobody was asked: the MCP is gone by now, or its credential does not open. A known end.
            await self.ended("error", error.code if isinstance(error, Refusal) else "internal_error")
            raise
        result = await self._asked(way, ask)
        await note_call(self.services.pool, way, None, self.timeout_ms)
        return result

    async def _asked(self, way: Way, ask: Callable[[Gateway, Way, float], Awaitable[R]]) -> R:
        self.progress.server_asked = True
        try:
            result = await ask(self.services.gateway, way, self.timeout_ms / 1000)
        except GatewayError as error:
            await self._completed("error", error.latency_ms, error.response_bytes, error.code)
            await note_call(self.services.pool, way, error, self.timeout_ms)
            raise
        except Exception:
            await self._completed("error", 0, 0, "internal_error")
            raise
        if isinstance(result, ToolResult) and result.is_error:
            await self._completed("error", result.latency_ms, result.response_bytes, "tool_error")
        else:
            await self._completed("success", result.latency_ms, result.response_bytes, None)
        return result

    async def ended(self, status: CallStatus, error: str | None = None) -> None:
        """Record that it has ended without anyone having been asked."""
        await self._completed(status, 0, 0, error)

    async def _completed(self, status: CallStatus, latency_ms: int, response_bytes: int, error: str | None) -> None:
        completed = Completed(
            call_id=self.call_id,
            key=self.key,
            mcp_id=self.mcp_id,
            tool=self.named,
            status=status,
            latency_ms=latency_ms,
            response_bytes=response_bytes,
            error=error,
        )
        try:
            await self.services.verification.ask(completed)
        except LogError:
            # The use itself is in the log. To withhold the result now would only make the caller do it all again.
            _log.warning("call_outcome_unrecorded", call_id=self.call_id)


async def authorised(
    inbound: Inbound, services: Services, mcp_id: str, tool: str | None, *, named: str, timeout_ms: int
) -> Call:
    """The call, once the key in the request's headers was accepted for it and that is in the log."""
    presented = presentation(inbound, "call", mcp_id=mcp_id, tool=tool)
    ruling = await ruling_on(inbound, services, Presented(presented))
    key = refuse_denied(ruling, presented)
    return Call(services, key, ruling.event_id or "", mcp_id, named, timeout_ms)
