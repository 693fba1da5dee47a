"""Entries of the activity of an organization: uses, each with the key that was presented."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.activity.schemas import ACTIVITY_EXAMPLE, ActivityEntry, to_activity_entry
from domain.actor import Actor
from domain.usage.events import KeyUsed
from infrastructure.database.connections import Connection
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.entries import Entry
from projections.log_queries.names.queries import Names, names_of


class NamedKey(Struct, frozen=True):
    """A key. `name` is its current name."""

    id: str
    name: str | UnsetType = UNSET


class KeyUse(ActivityEntry, frozen=True, kw_only=True):
    """A use of a key. `actor` is the key that verified it, or the key itself."""

    key: Annotated[NamedKey, Meta(description="The presented key. Absent for a secret of no key.")] | UnsetType = UNSET


KEY_USE_EXAMPLE = KeyUse(**structs.asdict(ACTIVITY_EXAMPLE), key=NamedKey(examples.KEY_ID, "My agent"))


async def names_of_uses(
    connection: Connection, entries: Sequence[Entry], *, created_by: str | None, actors: Sequence[Actor] = ()
) -> Names:
    """Return the names of the keys and MCP servers of `entries`, and of `actors`. `created_by`: see `names_of`."""
    uses = [entry.happened for entry in entries if isinstance(entry.happened, KeyUsed)]
    return await names_of(
        connection,
        actors=actors,
        key_ids=[key_id for use in uses for key_id in (use.key_id, use.caller_key_id)],
        mcp_ids=[use.mcp_id for use in uses],
        created_by=created_by,
    )


def to_key_use(entry: Entry, names: Names, country_of: CountryOf) -> KeyUse:
    """Return an entry of the response. `names` are those of `names_of_uses`."""
    key_id = entry.happened.key_id if isinstance(entry.happened, KeyUsed) else None
    return KeyUse(**structs.asdict(to_activity_entry(entry, names, country_of)), key=named_key(key_id, names))


def named_key(key_id: str | None, names: Names) -> NamedKey | UnsetType:
    return UNSET if key_id is None else NamedKey(key_id, names.keys.get(key_id, UNSET))
