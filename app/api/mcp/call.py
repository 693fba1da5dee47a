"""One call to an MCP server on behalf of a key holder, for any method of the protocol.

A call is recorded in two steps: the authorization before the server is called, the completion before the caller gets
the response. A crash between the two leaves a started call with an unknown outcome, and it is shown as such.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog
from msgspec import Struct, field

from app.auth.callers import access_request
from app.http.messages import RawRequest
from app.services import Services
from app.verification.authenticate import authenticate, raise_if_denied
from app.verification.requests import Authenticate
from domain.keys.state import Key
from domain.refusal import Refusal
from domain.usage.events import CallCompleted, CallStatus
from gateway.errors import GatewayError
from gateway.gateway import Gateway
from gateway.health import record_call
from gateway.mcp_target import McpTarget, load_active_target
from gateway.results import Resource, ToolResult
from infrastructure.database.errors import UNAVAILABLE, StorageError, Unavailable

TIMEOUT_MS_DEFAULT = 30_000

R = TypeVar("R", ToolResult, Resource)

_log = structlog.get_logger(__name__)


class Progress(Struct):
    """Progress of a call: whether the gateway has started to call the server."""

    server_asked: bool = False


class Call(Struct, frozen=True):
    """An authorized call. `named` identifies it in the recorded end: the tool, or the method of the protocol."""

    services: Services
    key: Key
    call_id: str
    mcp_id: str
    operation: str
    timeout_ms: int
    progress: Progress = field(default_factory=Progress)

    async def execute(self, ask: Callable[[Gateway, McpTarget, float], Awaitable[R]]) -> R:
        """Call the server and return its result. The end of the call is recorded before the caller is answered."""
        try:
            services = self.services
            target = await load_active_target(services.pool, services.sealer, self.mcp_id, self.key.organization_id)
        except (Unavailable, *UNAVAILABLE) as error:
            await self.finish("error", "unavailable")
            raise Unavailable from error
        except Exception as error:
            # The server was not called: the MCP has been deleted, or its credential cannot be decrypted. The outcome is
            # known.
            await self.finish("error", error.code if isinstance(error, Refusal) else "internal_error")
            raise
        result = await self._call_server(target, ask)
        await record_call(self.services.commands, target, None, self.timeout_ms)
        return result

    async def _call_server(self, target: McpTarget, ask: Callable[[Gateway, McpTarget, float], Awaitable[R]]) -> R:
        self.progress.server_asked = True
        try:
            result = await ask(self.services.gateway, target, self.timeout_ms / 1000)
        except GatewayError as error:
            await self._completed("error", error.latency_ms, error.response_bytes, error.code)
            await record_call(self.services.commands, target, error, self.timeout_ms)
            raise
        except Exception:
            await self._completed("error", 0, 0, "internal_error")
            raise
        if isinstance(result, ToolResult) and result.is_error:
            await self._completed("error", result.latency_ms, result.response_bytes, "tool_error")
        else:
            await self._completed("success", result.latency_ms, result.response_bytes, None)
        return result

    async def finish(self, status: CallStatus, error: str | None = None) -> None:
        """Record the end of a call that never reached the server."""
        await self._completed(status, 0, 0, error)

    async def _completed(self, status: CallStatus, latency_ms: int, response_bytes: int, error: str | None) -> None:
        def completed(at: datetime, event_id: str) -> CallCompleted:
            return CallCompleted(
                id=event_id,
                occurred_at=at,
                call_id=self.call_id,
                organization_id=self.key.organization_id,
                key_id=self.key.id,
                mcp_id=self.mcp_id,
                tool=self.operation,
                status=status,
                latency_ms=latency_ms,
                response_bytes=response_bytes,
                error=error,
            )

        try:
            await self.services.verification.queue.record(completed)
        except StorageError:
            # The use itself is recorded. Withholding the result would only make the caller repeat the call.
            _log.warning("call_end_not_recorded", call_id=self.call_id)


async def authorize(
    inbound: RawRequest, services: Services, mcp_id: str, tool: str | None, *, named: str, timeout_ms: int
) -> Call:
    """Return the call once its key has been accepted and the use is recorded."""
    presented = access_request(inbound, "call", mcp_id=mcp_id, tool=tool)
    result = await authenticate(inbound, services.verification, Authenticate(presented))
    key = raise_if_denied(result, presented)
    return Call(services, key, result.event_id or "", mcp_id, named, timeout_ms)
