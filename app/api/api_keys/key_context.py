"""Context of a key that its own state does not include: its usage, its creator, and the organization's MCPs."""

from asyncio import gather
from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec import Struct

from domain.actor import Actor
from domain.keys.delegation import McpEnvironments
from domain.keys.state import Existing
from domain.secret import digests_of_words
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.tenant import read_transaction
from projections.log_queries.names.queries import Names, names_of
from projections.read_models.keys.state.queries import key_of, keys_by_digests_in_organization
from projections.read_models.mcps.list.queries import environments
from projections.read_models.usage.queries import KeyUsage, usage_of


class KeyContext(Struct, frozen=True):
    """`state` is None if the organization has no such key. `names` contains the name of the creator.

    `known_secrets`: the digests of the words of the texts that are secrets of the organization's keys.
    """

    state: Existing | None
    usage: KeyUsage
    names: Names
    known_mcps: McpEnvironments
    known_secrets: frozenset[bytes]


async def load_key_context(
    pool: Pool,
    key_id: str,
    organization_id: str,
    at: datetime,
    *,
    maker: Actor | None = None,
    texts: Iterable[str] = (),
) -> KeyContext:
    """Load the context of a key. `maker` is the creator of a key that does not exist yet. `texts` are to be stored."""
    async with read_transaction(pool, organization_id) as connection:
        # A pipeline sends all statements in one flush instead of one round trip each.
        async with connection.pipeline():
            state, usage, known_mcps, secrets = await gather(
                key_of(connection, key_id, organization_id),
                usage_of(connection, [key_id], at),
                environments(connection, organization_id),
                known_secrets(connection, digests_of_words(texts), organization_id),
            )
        creator = state.key.created_by if state else maker
        return KeyContext(
            state=state,
            usage=usage[key_id],
            # The caller sees the key, and therefore also its creator.
            names=await names_of(connection, actors=[creator], created_by=None),
            known_mcps=known_mcps,
            known_secrets=secrets,
        )


async def known_secrets(connection: Connection, digests: Collection[bytes], organization_id: str) -> frozenset[bytes]:
    """Return those digests that are of secrets of the organization's keys."""
    if not digests:
        return frozenset()
    return frozenset(await keys_by_digests_in_organization(connection, list(digests), organization_id))
