"""A database with many keys, created in seconds, with the events and read models that the application would write.

`python -m eventstore check` runs on the result, so that a shortcut here cannot go unnoticed.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from domain.actor import UserActor
from domain.grants import GRANTS, Grant
from domain.keys.decider import KEY
from domain.keys.events import KeyCreated
from domain.keys.permissions import Permissions
from domain.organizations.commands import CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.plans.plan import PlanName
from domain.secret import ENTROPY_BYTES, Secret, fingerprint, generate
from eventstore.codec import encode, encode_data, schema_of, wire_name
from eventstore.execute import Change
from eventstore.lanes import lane_of
from eventstore.queries import SQL
from eventstore.recorded import Origin, Record
from infrastructure.clock import new_event_id, new_id, now
from infrastructure.database.connections import Connection, Pool, connect, pool
from infrastructure.database.statements import Statement
from projections.commands import commands_on
from projections.registry import INLINE

CHUNK = 2_000
_OWNER = UserActor(new_id("user"))


async def seed(url: str, keys: int, plan: PlanName = "enterprise") -> tuple[Secret, list[Secret]]:
    """Create one organization with `keys` keys. Return the secret of its management key, and those of the others."""
    async with pool(url) as connections:
        organization_id = await create_organization(connections, plan)
    async with await connect(url, role=None) as connection:
        manager = await _write(connection, organization_id, [_created(organization_id, GRANTS)])
        secrets: list[Secret] = []
        for _ in range(0, keys, CHUNK):
            secrets += await _write(connection, organization_id, [_created(organization_id) for _ in range(CHUNK)])
        await connection.execute(b"vacuum (analyze)")
    return manager[0], secrets[:keys]


async def seed_ended(url: str, keys: int, begin: datetime, end: datetime) -> None:
    """Create one organization with `keys` keys that ended evenly between `begin` and `end`, as yet unrecorded."""
    async with pool(url) as connections:
        organization_id = await create_organization(connections)
    made: list[tuple[Secret, KeyCreated]] = []
    for number in range(keys):
        secret, event = _created(organization_id)
        ends = begin + (end - begin) * (number / keys)
        made.append((secret, replace(event, created_at=begin - timedelta(hours=1), expires_at=ends)))
    async with await connect(url, role=None) as connection:
        for first in range(0, keys, CHUNK):
            await _write(connection, organization_id, made[first : first + CHUNK])
        await connection.execute(b"vacuum (analyze)")


async def create_organization(connections: Pool, plan: PlanName = "enterprise") -> str:
    organization_id = new_id("org")
    command = CreateOrganization(organization_id, "Bench", organization_id.replace("_", "-"), plan, now(), _OWNER)
    await commands_on(connections).run(
        ORGANIZATION, organization_id, organization_id, command, origin=Origin(_OWNER), at=command.at
    )
    return organization_id


def _created(organization_id: str, manage: tuple[Grant, ...] = ()) -> tuple[Secret, KeyCreated]:
    secret = generate("live", os.urandom(ENTROPY_BYTES))
    event = KeyCreated(
        key_id=new_id("key"),
        organization_id=organization_id,
        name="Bench key",
        environment="live",
        permissions=Permissions(mcps="*", manage=manage),
        secret=fingerprint(secret),
        created_at=datetime.now(UTC),
        created_by=_OWNER,
    )
    return secret, event


async def _write(connection: Connection, organization_id: str, made: list[tuple[Secret, KeyCreated]]) -> list[Secret]:
    async with connection.transaction(), connection.pipeline():
        for _, event in made:
            for query, parameters in _statements(organization_id, event):
                await connection.execute(query, parameters)
    return [secret for secret, _ in made]


def _statements(organization_id: str, event: KeyCreated) -> Iterator[Statement]:
    at = event.created_at
    change = Change("api_key", event.key_id, organization_id, None, KEY.fold([event]), (event,), 1, at)
    stream = (event.key_id, "api_key", organization_id, 0, 1)
    yield Statement(SQL.stream_advance, stream)
    for model in INLINE:
        yield from model.statements(change)
    event_id = new_event_id()
    name = wire_name(event)
    stored = Record(
        id=event_id,
        type=name,
        schema=schema_of(name),
        stream_id=event.key_id,
        version=1,
        organization_id=organization_id,
        occurred_at=at,
        origin=Origin(_OWNER),
        previous="",
        data=encode_data(event),
    )
    stream = (lane_of(organization_id), event.key_id, organization_id, 1)
    yield Statement(SQL.events_append, (*stream, [event_id], [name], [at], [encode(stored)]))
