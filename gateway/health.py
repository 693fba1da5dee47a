"""Health of an MCP server, as observed by calls, tests and scheduled checks.

A response makes a server healthy immediately. A server becomes unhealthy when it fails again some time after a first
failure, so that one lost packet or a restart triggers no alert. Either change is an event in the stream of the MCP.
"""

from datetime import datetime, timedelta

import msgspec
import structlog

from domain.actor import MCP_HEALTH
from domain.mcps.commands import RecordHealth
from domain.mcps.decider import MCP
from domain.mcps.errors import McpNotFound
from domain.mcps.events import Health
from domain.organizations.errors import OrganizationIsDeleted
from eventstore.commands import Commands
from eventstore.errors import ConcurrentChange
from eventstore.recorded import Origin
from gateway.errors import (
    GatewayError,
    InvalidArguments,
    ResourceNotFound,
    ToolNotFound,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.gateway import Gateway
from gateway.mcp_target import McpTarget
from gateway.results import Probe
from gateway.wire.parameter_headers import encoded_headers
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import write_transaction
from projections.read_models.mcps.health.queries import health_answered, health_failed, health_request_tools

FRESH = timedelta(seconds=30)
"""For this long after a check, a call that finds the same health does not write again."""

TIMEOUT_MS_MIN = 5_000
"""A server that had less time than this to respond does not count as unhealthy."""

PROBE_SECONDS = 10.0
"""Time that a server has to respond to a test."""

APART = timedelta(seconds=10)
"""Failures that are closer together count as one: many calls fail together when a server restarts."""

AGAIN_AFTER = timedelta(seconds=15)
"""Time from a first failure to the next check of the server."""

_log = structlog.get_logger(__name__)


class HealthObservation(msgspec.Struct, frozen=True):
    """The observed health of a server. `reason` is the error code of a failure, `tools` a JSON array if requested.

    `conclusive`: one failure is enough, because a caller requested the test and sees the result. `retry_after`: the
    delay that the server requests before the next check.
    """

    health: Health
    reason: str | None = None
    tools: bytes | None = None
    parameter_headers: bytes | None = None
    conclusive: bool = False
    retry_after: timedelta | None = None


def health_after(error: GatewayError | None, timeout_ms: float) -> Health | None:
    """Return the health that a call shows for a server that had `timeout_ms` to respond; None: no conclusion."""
    match error:
        case None | ToolNotFound() | ResourceNotFound() | InvalidArguments():
            return "healthy"
        case UpstreamUnreachable():
            return "unhealthy"
        case UpstreamTimeout() if timeout_ms >= TIMEOUT_MS_MIN:
            return "unhealthy"
        case _:
            return None


async def record_call(commands: Commands, target: McpTarget, error: GatewayError | None, timeout_ms: int) -> None:
    """Record the health that a call shows. Time in the gateway's queue does not count against the server."""
    health = health_after(error, error.waited_seconds * 1_000 if isinstance(error, UpstreamTimeout) else timeout_ms)
    if health is None:
        return
    found = HealthObservation(health, None if health == "healthy" or error is None else error.code)
    if not _is_known(target, found, now()):
        await _record(commands, target, found)


async def request_tool_list(pool: Pool, target: McpTarget) -> None:
    """Make a worker list the tools of the MCP soon: the stored tools are missing or out of date."""
    try:
        async with write_transaction(pool, target.organization_id) as connection:
            await connection.execute(*health_request_tools(target.mcp_id, now()))
    except (Unavailable, *UNAVAILABLE):
        _log.warning("mcp_health_not_recorded", mcp_id=target.mcp_id)


async def probe(
    commands: Commands,
    gateway: Gateway,
    target: McpTarget,
    *,
    timeout_seconds: float = PROBE_SECONDS,
    conclusive: bool = False,
) -> Probe:
    """Request the tools of the server and record its health. `conclusive`: see `HealthObservation`.

    Raise `TooManyCalls` if too many tests of this server are already running.
    """
    answer = await gateway.probe(target.upstream, timeout_seconds=timeout_seconds)
    seconds = answer.retry_after_seconds
    retry_after = None if seconds is None else timedelta(seconds=seconds)
    if answer.reachable:
        tools = None if answer.tools is None else msgspec.json.encode(answer.tools)
        headers = None if answer.tools is None else encoded_headers(answer.tools)
        await _record(
            commands,
            target,
            HealthObservation("healthy", tools=tools, parameter_headers=headers, retry_after=retry_after),
        )
    elif answer.code != UpstreamTimeout.code or answer.waited_seconds * 1_000 >= TIMEOUT_MS_MIN:
        await _record(
            commands,
            target,
            HealthObservation("unhealthy", answer.code, conclusive=conclusive, retry_after=retry_after),
        )
    return answer


def _is_known(target: McpTarget, found: HealthObservation, at: datetime) -> bool:
    """Return whether the same health was recorded within `FRESH`."""
    fresh = target.checked_at is not None and at - target.checked_at < FRESH
    answered = found.health == "healthy"
    return fresh and not _is_transition(target, found, at) and answered == (target.failing_since is None)


def _is_transition(target: McpTarget, found: HealthObservation, at: datetime) -> bool:
    if found.health == "healthy":
        return target.health == "unhealthy"
    again = target.failing_since is not None and at - target.failing_since >= APART
    return target.health != "unhealthy" and (again or found.conclusive)


async def _record(commands: Commands, target: McpTarget, found: HealthObservation) -> None:
    """Record the health of the server. If that fails, a later call or check records it, so no request is refused.

    The health of a server without health checks stays unknown, because it is no MCP server.
    """
    if not target.health_checks:
        return
    at = now()
    not_before = None if found.retry_after is None else at + found.retry_after
    if found.health == "healthy":
        noted = health_answered(
            target.mcp_id, target.endpoint_changed_at, at, found.tools, found.parameter_headers, not_before
        )
    else:
        noted = health_failed(target.mcp_id, target.endpoint_changed_at, at, at + AGAIN_AFTER, not_before)
    try:
        if _is_transition(target, found, at):
            await _change(commands, target, found, at, noted)
        else:
            async with write_transaction(commands.pool, target.organization_id) as connection:
                await connection.execute(*noted)
    except (Unavailable, *UNAVAILABLE):
        _log.warning("mcp_health_not_recorded", mcp_id=target.mcp_id)
    except (McpNotFound, OrganizationIsDeleted, ConcurrentChange):
        pass  # The MCP or its organization was deleted in the meantime, or another process recorded the same health.


async def _change(
    commands: Commands, target: McpTarget, found: HealthObservation, at: datetime, noted: Statement
) -> None:
    command = RecordHealth(
        health=found.health, endpoint_changed_at=target.endpoint_changed_at, at=at, reason=found.reason
    )
    change = await commands.run(
        MCP, target.mcp_id, target.organization_id, command, origin=Origin(MCP_HEALTH), at=at, extra_statements=[noted]
    )
    if change.events:
        _log.info("mcp_health_changed", mcp_id=target.mcp_id, health=found.health, reason=found.reason)
