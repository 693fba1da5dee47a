"""Rate limits for sign-in attempts, and the record of failed attempts.

Attempts are counted in PostgreSQL, which also stores sessions: whenever sign-in works, attempts are counted.
"""

from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import NamedTuple

import structlog

from app.http.errors import Problem
from app.http.messages import RawRequest
from app.services import Services
from domain.networks import client_network
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.records.sessions import queries as sessions

_log = structlog.get_logger(__name__)


class Limit(NamedTuple):
    """`burst` attempts are possible immediately; one more becomes available after every `one`."""

    what: str
    burst: int
    refill_every: timedelta


LINKS_PER_ADDRESS = Limit("links of an address", 5, timedelta(minutes=3))
LINKS_PER_CLIENT = Limit("links of a client", 30, timedelta(seconds=30))
SIGN_INS_PER_CLIENT = Limit("sign-ins of a client", 60, timedelta(seconds=15))


async def throttle(services: Services, inbound: RawRequest, limit: Limit, of: str) -> None:
    """Count an attempt. Raise 429 if there were too many. `of` is the address or the client that it counts against."""
    at = now()
    bucket = sha256(f"{limit.what}\n{of}".encode("utf-8", "replace")).digest()
    async with services.credential_lookup() as connection:
        wait = await sessions.throttle(connection, bucket, at, limit.refill_every, limit.burst)
        if wait is not None:
            await record_failure(connection, inbound, f"too many {limit.what}")
    if wait is not None:
        seconds = max(1, ceil(wait.total_seconds()))
        detail = f"Too many sign-in attempts. The next attempt is possible in {seconds} seconds."
        raise Problem("rate_limited", detail, headers={"Retry-After": str(seconds)})


def client_of(inbound: RawRequest) -> str:
    """Return the unit that counts as one client: an IPv4 address or an IPv6 network."""
    return client_network(inbound.ip)


async def record_failure(
    connection: Connection, inbound: RawRequest, reason: str, user_ids: list[str] | None = None
) -> None:
    """Store a failed attempt for later investigation. The log line contains no address and no user."""
    values = (now(), reason, user_ids or [], inbound.ip, inbound.user_agent, inbound.request_id)
    await connection.execute(sessions.SQL.failure_add, values)
    _log.warning("sign_in_failed", reason=reason, request_id=inbound.request_id)
