"""Queries on the key lineage: the creators of a key and the keys of a creator."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.grants import Grant
from domain.members.events import Role
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    lineage_put: bytes
    lineage_remove: bytes
    root_creator: bytes
    keys_of: bytes


SQL = load(Queries, __file__)


class LineageRow(NamedTuple):
    """A key and its creator, a user, a key or a system actor. `manages` are its management grants."""

    key_id: str
    organization_id: str
    created_by: str
    manages: list[Grant]


class RootCreator(NamedTuple):
    """The user or system actor who is accountable for a key.

    `role` is None for a removed user and for a system actor.
    """

    id: str
    role: Role | None


async def root_creator(connection: Connection, organization_id: str, created_by: str) -> RootCreator | None:
    """Return the user or system actor at the start of a key's chain of creators, or None if unknown."""
    parameters = {"organization_id": organization_id, "created_by": created_by}
    row = await (await connection.execute(SQL.root_creator, parameters)).fetchone()
    return None if row is None else RootCreator(*row)


async def keys_of(
    connection: Connection, organization_id: str, user_id: str, *, held: Iterable[Grant] | None, limit: int
) -> list[str]:
    """Return active and disabled keys that the user created, and their descendants with management grants.

    `held`: return only keys with management grants other than these. None: return all of them. A key without grants
    that a program creates with a key of the user is left out, because customer keys must not end when the user who set
    up the program leaves.
    """
    parameters = {
        "organization_id": organization_id,
        "user_id": user_id,
        "held": None if held is None else sorted(held),
        "limit": limit,
    }
    cursor = await connection.execute(SQL.keys_of, parameters)
    return [key_id for (key_id,) in await cursor.fetchall()]
