"""Names of the people, keys, MCP servers and alerts whose ids are in the logs. The logs contain only ids."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from domain.actor import Actor, KeyActor, UserActor
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    names: bytes


SQL = load(Queries, __file__)


class Names(Struct, frozen=True):
    """Names by id. An id is missing if its name was erased or does not exist, or is hidden from the caller.

    `people` are email addresses, `alerts` the types of alerts, and `alert_keys` the names of the keys that alerts are
    about.
    """

    people: Mapping[str, str] = {}
    keys: Mapping[str, str] = {}
    mcps: Mapping[str, str] = {}
    alerts: Mapping[str, str] = {}
    alert_keys: Mapping[str, str] = {}

    def of_actor(self, actor: Actor) -> str | None:
        """Return the name of a person or a key. A part of Keyledger has none: its id is its name."""
        match actor:
            case UserActor():
                return self.people.get(actor.id)
            case KeyActor():
                return self.keys.get(actor.id)
            case _:
                return None


NO_NAMES = Names()


async def names_of(
    connection: Connection,
    *,
    actors: Iterable[Actor | None] = (),
    key_ids: Iterable[str | None] = (),
    mcp_ids: Iterable[str | None] = (),
    alert_ids: Iterable[str] = (),
    created_by: str | None,
) -> Names:
    """Return the names of a page's ids with one statement. Ids may repeat.

    `created_by`: return only the names of keys that this user created; None: of all keys.
    """
    acting = set(actors)
    people = {actor.id for actor in acting if isinstance(actor, UserActor)}
    keys = {actor.id for actor in acting if isinstance(actor, KeyActor)} | {key_id for key_id in key_ids if key_id}
    mcps = {mcp_id for mcp_id in mcp_ids if mcp_id}
    alerts = set(alert_ids)
    if not (people or keys or mcps or alerts):
        return NO_NAMES
    parameters = {
        "user_ids": sorted(people),
        "key_ids": sorted(keys),
        "mcp_ids": sorted(mcps),
        "alert_ids": sorted(alerts),
        "created_by": created_by,
    }
    names: dict[str, dict[str, str]] = {"user": {}, "api_key": {}, "mcp": {}, "alert": {}, "alert_key": {}}
    cursor = await connection.execute(SQL.names, parameters)
    for kind, named_id, name in await cursor.fetchall():
        names[kind][named_id] = name
    return Names(names["user"], names["api_key"], names["mcp"], names["alert"], names["alert_key"])
