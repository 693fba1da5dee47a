"""The resources that a list of keys and a bulk revoke name: whether the organization has them.

A filter that names an unknown resource fits no key. A selector of what to change is refused with 422: the caller meant
something else, and a mistyped id must not decide which keys stop working. An id of another organization is unknown.
"""

from collections.abc import Sequence

from infrastructure.database.connections import Connection
from projections.read_models.keys.list.filters import ReachedMcp
from projections.read_models.keys.list.queries import creator_known, keys_there
from projections.read_models.mcps.list.queries import detail

_SHOWN_MAX = 5


async def mcp_of(connection: Connection, mcp_id: str, organization_id: str) -> ReachedMcp | None:
    """The MCP, or None where the organization has none of this id, or has none any more."""
    found = await detail(connection, mcp_id, organization_id)
    return None if found is None else ReachedMcp(found.mcp_id, found.environment)


async def unknown_keys(
    connection: Connection, key_ids: Sequence[str], organization_id: str, *, created_by: str | None
) -> str | None:
    """What is wrong with ids of which some belong to no key that the caller sees; None where all of them do."""
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
    """The same for the person or the key that made the keys. Who sees own keys only can name no one else."""
    if created_by is None and await creator_known(connection, organization_id, creator_id):
        return None
    if created_by is not None and created_by == creator_id:
        return None
    return "No such person or key in this organization. Send the id of one that it has."
