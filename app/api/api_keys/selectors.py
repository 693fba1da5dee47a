"""Lookup of the resources that the key list's filters and the bulk revocation's selectors name.

A filter that names an unknown resource matches no key. A bulk revocation refuses an unknown resource with 422, because
a mistyped id must not decide which keys stop working. An id of another organization is unknown.
"""

from collections.abc import Sequence

from infrastructure.database.connections import Connection
from projections.read_models.keys.list.filters import ReachedMcp
from projections.read_models.keys.list.queries import creator_known, keys_there
from projections.read_models.mcps.list.queries import detail

_SHOWN_MAX = 5


async def mcp_of(connection: Connection, mcp_id: str, organization_id: str) -> ReachedMcp | None:
    """Return the MCP, or None if the organization has none with this id or has deleted it."""
    found = await detail(connection, mcp_id, organization_id)
    return None if found is None else ReachedMcp(found.mcp_id, found.environment)


async def unknown_keys(
    connection: Connection, key_ids: Sequence[str], organization_id: str, *, created_by: str | None
) -> str | None:
    """Return an error text if some ids belong to no key that the caller can see; None if all are known."""
    known = await keys_there(connection, organization_id, key_ids, created_by)
    unknown = sorted(set(key_ids) - known)
    if not unknown:
        return None
    shown, others = ", ".join(unknown[:_SHOWN_MAX]), len(unknown) - _SHOWN_MAX
    more = f" and {others} more" if others > 0 else ""
    return f"No such keys in this organization: {shown}{more}. Remove these ids."


async def unknown_creator(
    connection: Connection, creator_id: str, organization_id: str, *, created_by: str | None
) -> str | None:
    """Return an error text for an unknown creator. A caller who sees only their own keys can name only themselves."""
    if created_by is None and await creator_known(connection, organization_id, creator_id):
        return None
    if created_by is not None and created_by == creator_id:
        return None
    return "No such user or key in this organization. Send the id of an existing one."
