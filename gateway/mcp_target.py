"""From an MCP's id to the way there: its address and its credential, opened for one call."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.mcps.errors import McpInactive, McpNotFound
from domain.mcps.events import Health
from gateway.upstream import Credential, NoCredential, Upstream
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import read_transaction
from infrastructure.encryption import DecryptionFailed, Sealer
from projections.read_models.mcps.list.queries import McpRoute, credential_put, credential_remove, route

_PURPOSE = "mcp-credential"
_decoder: msgspec.json.Decoder[Credential] = msgspec.json.Decoder(Credential)


class McpTarget(NamedTuple):
    """Where calls to the MCP go, since when, and what is known of it: see `McpRoute`."""

    mcp_id: str
    organization_id: str
    upstream: Upstream
    active: bool
    health: Health | None
    checked_at: datetime | None
    failing_since: datetime | None
    endpoint_changed_at: datetime
    parameter_headers: bytes | None = None


async def load_target(pool: Pool, sealer: Sealer | None, mcp_id: str, organization_id: str) -> McpTarget:
    """The way to an MCP, active or not. Raises `McpNotFound` when there is none, or none any more.

    Raises `SealBroken` when its credential does not open, which none does without a sealer.
    """
    async with read_transaction(pool, organization_id) as connection:
        found = await route(connection, mcp_id, organization_id)
    if found is None:
        raise McpNotFound
    credential = stored_credential(sealer, found, mcp_id, organization_id)
    upstream = Upstream(found.endpoint_url, credential, organization_id, mcp_id)
    return McpTarget(
        mcp_id,
        organization_id,
        upstream,
        found.active,
        found.health,
        found.checked_at,
        found.failing_since,
        found.endpoint_changed_at,
        found.parameter_headers,
    )


async def load_active_target(pool: Pool, sealer: Sealer, mcp_id: str, organization_id: str) -> McpTarget:
    """The way for a call that was authorised. Raises `McpInactive` when it was closed meanwhile."""
    way = await load_target(pool, sealer, mcp_id, organization_id)
    if not way.active:
        raise McpInactive
    return way


def stored_credential(sealer: Sealer | None, found: McpRoute, mcp_id: str, organization_id: str) -> Credential:
    if found.sealed is None:
        return NoCredential()
    if sealer is None:
        raise DecryptionFailed
    return _decoder.decode(sealer.open(found.sealed, purpose=_PURPOSE, bound_to=_bound_to(organization_id, mcp_id)))


def store_credential(sealer: Sealer, credential: Credential, mcp_id: str, organization_id: str) -> list[Statement]:
    """The statement that stores the credential, sealed and bound to its MCP; none for none."""
    if isinstance(credential, NoCredential):
        return []
    plain = msgspec.json.encode(credential)
    bound_to = _bound_to(organization_id, mcp_id)
    return [credential_put(mcp_id, sealer.seal(plain, purpose=_PURPOSE, bound_to=bound_to))]


def replace_credential(sealer: Sealer, credential: Credential, mcp_id: str, organization_id: str) -> list[Statement]:
    """The statement that puts the credential in the place of the one before; that removes it for none."""
    return store_credential(sealer, credential, mcp_id, organization_id) or [credential_remove(mcp_id)]


def _bound_to(organization_id: str, mcp_id: str) -> str:
    return f"{organization_id}/{mcp_id}"
