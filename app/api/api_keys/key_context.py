"""What is known about a key beside its own state: its usage, who made it, and the MCPs there are."""

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
    """`state` is None where the organization has no such key; `emails`: addresses by user id."""

    state: Existing | None
    usage: KeyUsage
    emails: dict[str, str]
    known_mcps: McpEnvironments


async def load_key_context(
    pool: Pool, key_id: str, organization_id: str, at: datetime, maker: Actor | None = None
) -> KeyContext:
    """`maker`: of a key that is yet to be made."""
    async with read_transaction(pool, organization_id) as connection:
        # In turn they would cost a round trip each: at the same time they leave in one flush.
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
