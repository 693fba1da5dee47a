"""The target of calls to an MCP: its URL and its decrypted credential, found by the MCP's id."""

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
    """The destination of calls to an MCP, since when it is valid, and the known health: see `McpRoute`."""

    mcp_id: str
    organization_id: str
    upstream: Upstream
    active: bool
    health: Health | None
    checked_at: datetime | None
    failing_since: datetime | None
    endpoint_changed_at: datetime
    parameter_headers: bytes | None = None
    health_checks: bool = True


async def load_target(pool: Pool, sealer: Sealer | None, mcp_id: str, organization_id: str) -> McpTarget:
    """Return the target of an MCP, active or not. Raise `McpNotFound` if the MCP does not exist or was deleted.

    Raise `DecryptionFailed` if its credential cannot be decrypted, which always needs a sealer.
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
        found.health_checks,
    )


async def load_active_target(pool: Pool, sealer: Sealer, mcp_id: str, organization_id: str) -> McpTarget:
    """Return the target for an authorized call. Raise `McpInactive` if the MCP was deactivated in the meantime."""
    target = await load_target(pool, sealer, mcp_id, organization_id)
    if not target.active:
        raise McpInactive
    return target


def stored_credential(sealer: Sealer | None, found: McpRoute, mcp_id: str, organization_id: str) -> Credential:
    if found.sealed is None:
        return NoCredential()
    if sealer is None:
        raise DecryptionFailed
    return _decoder.decode(sealer.open(found.sealed, purpose=_PURPOSE, bound_to=_bound_to(organization_id, mcp_id)))


def store_credential(sealer: Sealer, credential: Credential, mcp_id: str, organization_id: str) -> list[Statement]:
    """Return the statement that stores the credential, sealed and bound to its MCP; none for `NoCredential`."""
    if isinstance(credential, NoCredential):
        return []
    plain = msgspec.json.encode(credential)
    bound_to = _bound_to(organization_id, mcp_id)
    return [credential_put(mcp_id, sealer.seal(plain, purpose=_PURPOSE, bound_to=bound_to))]


def replace_credential(sealer: Sealer, credential: Credential, mcp_id: str, organization_id: str) -> list[Statement]:
    """Return the statement that replaces the stored credential; for `NoCredential`, the one that removes it."""
    return store_credential(sealer, credential, mcp_id, organization_id) or [credential_remove(mcp_id)]


def _bound_to(organization_id: str, mcp_id: str) -> str:
    return f"{organization_id}/{mcp_id}"
