"""Queries on the verification table."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from psycopg.pq.abc import PGresult

from domain.keys.state import Existing
from infrastructure.database.connections import Connection
from infrastructure.database.prepared import Call, PreparedStatement, as_integer, bytea_array, not_null
from infrastructure.database.statements import load


class Queries(NamedTuple):
    key_state_put: bytes
    key_secret_add: bytes
    by_digests: bytes
    by_id: bytes
    taken_digests: bytes
    keys_by_digests_in_organization: bytes
    key_by_digest_in_organization: bytes
    keys_by_digests: bytes


class FoundKey(NamedTuple):
    """A key that was found by one of its secrets."""

    state: Existing
    secret_version: int


SQL = load(Queries, __file__)

_BY_DIGESTS = PreparedStatement.of("keys_by_digests", SQL.by_digests)

_decoder: msgspec.json.Decoder[Existing] = msgspec.json.Decoder(Existing)


class UsedKey(NamedTuple):
    """A key that was found by `digest`. The use of `used_version` of its secret ended the earlier ones; 0: none did."""

    digest: bytes
    state: Existing
    used_version: int


def by_digests(digests: Sequence[bytes]) -> Call:
    """Return the look-up of the keys to which these secrets belong, for `used_keys`."""
    return _BY_DIGESTS.call(bytea_array(digests))


def used_keys(found: PGresult) -> list[UsedKey]:
    """Return the rows of `by_digests`."""
    value = found.get_value
    return [
        UsedKey(not_null(value(row, 0)), decode(not_null(value(row, 1))), as_integer(value(row, 2)))
        for row in range(found.ntuples)
    ]


def decode(state: bytes) -> Existing:
    return _decoder.decode(state)


async def key_of(connection: Connection, key_id: str, organization_id: str) -> Existing | None:
    cursor = await connection.execute(SQL.by_id, (key_id, organization_id))
    row = await cursor.fetchone()
    return None if row is None else decode(bytes(row[0]))


async def taken_digests(connection: Connection, digests: Sequence[bytes]) -> list[bytes]:
    """Return those digests that belong to a key of any organization. Needs the role that looks up credentials."""
    cursor = await connection.execute(SQL.taken_digests, (digests,))
    return [bytes(row[0]) for row in await cursor.fetchall()]


async def keys_by_digests_in_organization(
    connection: Connection, digests: Sequence[bytes], organization_id: str
) -> dict[bytes, Existing]:
    """Return the keys of the organization by the digests of their secrets, which may be retired."""
    cursor = await connection.execute(SQL.keys_by_digests_in_organization, (digests, organization_id))
    return {bytes(digest): decode(bytes(state)) for digest, state in await cursor.fetchall()}


async def key_by_digest_in_organization(connection: Connection, digest: bytes, organization_id: str) -> FoundKey | None:
    """Return the key of the organization to which the secret with this digest belongs, also if it was retired."""
    cursor = await connection.execute(SQL.key_by_digest_in_organization, (digest, organization_id))
    row = await cursor.fetchone()
    return None if row is None else FoundKey(decode(bytes(row[0])), row[1])


async def keys_by_digests(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, FoundKey]:
    """Return the keys of all organizations to which these secrets belong, also if they were retired."""
    cursor = await connection.execute(SQL.keys_by_digests, (digests,))
    return {bytes(row[0]): FoundKey(decode(bytes(row[1])), row[2]) for row in await cursor.fetchall()}
