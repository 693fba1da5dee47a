"""Context of a key that its own state does not include: its usage, its creator, and the organization's MCPs."""

from asyncio import gather
from datetime import datetime

from msgspec import Struct

from domain.actor import Actor, UserActor
from domain.keys.delegation import McpEnvironments
from domain.keys.state import Existing
from infrastructure.database.connections import Pool
from infrastructure.database.tenant import read_transaction
from projections.read_models.keys.state.queries import key_of
from projections.read_models.mcps.list.queries import environments
from projections.read_models.members.list.queries import emails
from projections.read_models.usage.queries import KeyUsage, usage_of


class KeyContext(Struct, frozen=True):
    """`state` is None if the organization has no such key. `emails` maps user ids to addresses."""

    state: Existing | None
    usage: KeyUsage
    emails: dict[str, str]
    known_mcps: McpEnvironments


async def load_key_context(
    pool: Pool, key_id: str, organization_id: str, at: datetime, maker: Actor | None = None
) -> KeyContext:
    """Load the context of a key. `maker` is the creator of a key that does not exist yet."""
    async with read_transaction(pool, organization_id) as connection:
        # A pipeline sends all statements in one flush instead of one round trip each.
        async with connection.pipeline():
            state, usage, known_mcps = await gather(
                key_of(connection, key_id, organization_id),
                usage_of(connection, [key_id], at),
                environments(connection, organization_id),
            )
        creator = state.key.created_by if state else maker
        people = [creator.id] if isinstance(creator, UserActor) else []
        return KeyContext(
            state=state,
            usage=usage[key_id],
            emails=await emails(connection, people),
            known_mcps=known_mcps,
        )
