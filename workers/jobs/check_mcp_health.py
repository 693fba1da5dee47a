"""Job, every five seconds: check the health of MCP servers that had no recent call.

A worker moves the next check of a server into the future before it checks the server. Therefore only one of several
workers checks it, and if that worker dies, the next turn follows. A tick starts no more checks after a few seconds, and
ends when the last server responded or timed out. Checks follow the rules for calls and use the credentials of calls.
"""

import asyncio
from time import monotonic

import structlog

from domain.mcps.errors import McpNotFound
from gateway.config import GatewayConfig
from gateway.gateway import Gateway
from gateway.health import probe
from gateway.mcp_target import load_target
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.encryption import DecryptionFailed, Sealer
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.read_models.mcps.health.queries import Claimed, claim
from workers.job import Job
from workers.job_runner import run_job_with_config

CONCURRENT_MAX = 20
"""The maximum number of concurrent checks."""

START_SECONDS = 3.0
"""How long a tick starts more checks. With the timeout of a server added, it stays below the time limit of a job."""

_HOUR = 3_600.0

_log = structlog.get_logger(__name__)
_news = LogThrottle(_HOUR)


def check_mcp_health() -> None:
    run_job_with_config(check)


JOB = Job(check_mcp_health, every=5, isolated=True)


async def check(pool: Pool, config: Settings) -> None:
    if config.mcp_health is None:
        return
    deadline = monotonic() + START_SECONDS
    sealer = Sealer(config.master_keys) if config.master_keys else None
    due = await _due(pool, config)
    if not due:
        return  # returns before the HTTP modules are loaded
    async with Gateway(GatewayConfig(egress=config.egress)) as gateway:
        while due:
            await _check_all(pool, gateway, sealer, due)
            due = await _due(pool, config) if monotonic() < deadline else []


async def _due(pool: Pool, config: Settings) -> list[Claimed]:
    """Return some servers to check, or none if no more are due.

    Servers that responded to a recent call are left out.
    """
    while config.mcp_health is not None:
        async with pool.connection() as connection:
            claimed = await claim(connection, now(), config.mcp_health, CONCURRENT_MAX)
        to_check = [mcp for mcp in claimed if not mcp.answered]
        if to_check or not claimed:
            return to_check
    return []


async def _check_all(pool: Pool, gateway: Gateway, sealer: Sealer | None, due: list[Claimed]) -> None:
    outcomes = await asyncio.gather(*[_check(pool, gateway, sealer, mcp) for mcp in due], return_exceptions=True)
    for mcp, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, (Unavailable, *UNAVAILABLE)):
            raise outcome
        if isinstance(outcome, BaseException) and _news(mcp.mcp_id):
            _log.error("mcp_health_check_failed", mcp_id=mcp.mcp_id, exc_info=outcome)


async def _check(pool: Pool, gateway: Gateway, sealer: Sealer | None, mcp: Claimed) -> None:
    try:
        target = await load_target(pool, sealer, mcp.mcp_id, mcp.organization_id)
    except McpNotFound:
        return
    except DecryptionFailed:
        # A credential that cannot be decrypted is no evidence that the server is unhealthy.
        if _news("credentials"):
            _log.warning("mcp_credential_decryption_failed", needed="KEYLEDGER_MASTER_KEY", mcp_id=mcp.mcp_id)
        return
    if target.active:
        await probe(commands_on(pool), gateway, target)
