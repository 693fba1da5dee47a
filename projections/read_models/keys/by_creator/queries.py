"""What is asked about the keys that go with a person."""

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
    key_id: str
    organization_id: str
    created_by: str
    manages: list[Grant]


class RootCreator(NamedTuple):
    """Who is answerable for a key. `role` is None for a person who was removed and for a part of Keyledger itself."""

    id: str
    role: Role | None


async def root_creator(connection: Connection, organization_id: str, created_by: str) -> RootCreator | None:
    """The person or the part of Keyledger that a key comes of, however many keys lie between; None: it is not known."""
    parameters = {"organization_id": organization_id, "created_by": created_by}
    row = await (await connection.execute(SQL.root_creator, parameters)).fetchone()
    return None if row is None else RootCreator(*row)


async def keys_of(
    connection: Connection, organization_id: str, user_id: str, *, held: Iterable[Grant] | None, limit: int
) -> list[str]:
    """Active and disabled keys that the person made, and the managing ones that came of those.

    `held`: only those with management grants beside these; None: all. The keys without grants that a program makes with
    a key of theirs are left out: nobody expects the keys of all customers to end with whoever set that program up.
    """
    parameters = {
        "organization_id": organization_id,
        "user_id": user_id,
        "held": None if held is None else sorted(held),
        "limit": limit,
    }
    cursor = await connection.execute(SQL.keys_of, parameters)
    return [key_id for (key_id,) in await cursor.fetchall()]
