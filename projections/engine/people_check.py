"""Invariant I4 for organizations, their people and invitations; and that each has one owner."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from domain.invitations.decider import INVITATION
from domain.keys.decider import KEY
from domain.members.roles import owns
from domain.members.state import Member
from domain.organizations.state import Organization
from eventstore.check import InlineCheck, Streams
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.differences import differences
from projections.read_models.invitations.list.apply import put as invitation_put
from projections.read_models.keys.by_creator.apply import row_of as lineage_row
from projections.read_models.members.list.apply import put as member_put
from projections.read_models.members.mail_preferences.apply import chose
from projections.read_models.members.mail_preferences.queries import put as preferences_put
from projections.read_models.organizations.list.apply import put as organization_put


class _Queries(NamedTuple):
    member_list_all: bytes
    invitation_list_all: bytes
    organization_list_all: bytes
    key_lineage_all: bytes
    mail_preferences_all: bytes
    addresses_astray: bytes


_SQL = load(_Queries, __file__, "people_check.sql")


def people_checks() -> tuple[InlineCheck, ...]:
    return (_member_list, _invitation_list, _organization_list, _key_lineage, _mail_preferences, _addresses, _owners)


async def _member_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.member_list_all)
    stored: dict[str, object] = {row[0]: tuple(row) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        user_id: tuple(member_put(stream.state).parameters)
        for user_id, stream in streams.items()
        if isinstance(stream.state, Member)
    }
    return differences("member_list", stored, folded)


async def _invitation_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.invitation_list_all)
    stored: dict[str, object] = {row[0]: (*row[:4], bytes(row[4]), *row[5:]) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        invitation_id: tuple(invitation_put(stream.state).parameters)
        for invitation_id, stream in streams.items()
        if stream.kind == INVITATION.kind and stream.state is not None
    }
    return differences("invitation_list", stored, folded)


async def _organization_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.organization_list_all)
    stored: dict[str, object] = {row[0]: (*row[:4], bytes(row[4]), *row[5:]) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        organization_id: tuple(organization_put(stream.state).parameters)
        for organization_id, stream in streams.items()
        if isinstance(stream.state, Organization)
    }
    return differences("organization_list", stored, folded)


async def _key_lineage(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.key_lineage_all)
    stored: dict[str, object] = {row[0]: tuple(row) for row in await cursor.fetchall()}
    rows = {key_id: lineage_row(stream.state) for key_id, stream in streams.items() if stream.kind == KEY.kind}
    folded: dict[str, object] = {key_id: tuple(row) for key_id, row in rows.items() if row is not None}
    return differences("key_lineage", stored, folded)


async def _mail_preferences(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.mail_preferences_all)
    stored: dict[str, object] = {row[0]: (*row[:2], bytes(row[2])) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        user_id: tuple(preferences_put(stream.state).parameters)
        for user_id, stream in streams.items()
        if isinstance(stream.state, Member) and chose(stream.state)
    }
    return differences("mail_preferences", stored, folded)


async def _addresses(connection: Connection, _: Streams) -> Iterable[str]:
    """They are in no event, so that they can be erased: one that is missing is none too few."""
    cursor = await connection.execute(_SQL.addresses_astray)
    return [f"{row}: has nobody to belong to" for (row,) in await cursor.fetchall()]


async def _owners(_: Connection, streams: Streams) -> Iterable[str]:
    owners: Counter[str] = Counter()
    for stream in streams.values():
        if isinstance(stream.state, Member):
            owners[stream.organization_id] += owns(stream.state.role)
    return [f"{organization_id} has {count} owners" for organization_id, count in sorted(owners.items()) if count != 1]
