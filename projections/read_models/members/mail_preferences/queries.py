"""Queries on the mail preferences of members."""

from typing import NamedTuple

import msgspec

from domain.members.notifications import Notifications
from domain.members.state import Member
from eventstore.codec import encode
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    preferences_put: bytes
    preferences_remove: bytes
    preferences_of: bytes


SQL = load(Queries, __file__)

_decoder: msgspec.json.Decoder[Notifications] = msgspec.json.Decoder(Notifications)


def put(member: Member) -> Statement:
    """Return the statement that writes the whole row of a member who chose something."""
    return Statement(SQL.preferences_put, (member.user_id, member.organization_id, encode(member.notifications)))


async def preferences_of(connection: Connection, user_id: str, organization_id: str) -> Notifications:
    row = await (await connection.execute(SQL.preferences_of, (user_id, organization_id))).fetchone()
    return Notifications() if row is None else _decoder.decode(bytes(row[0]))
