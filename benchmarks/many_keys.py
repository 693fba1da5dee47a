"""An organization with a million keys, in minutes: the rows that the application would write, inserted by COPY.

The result passes `python -m eventstore check`: the log, its read models and their counts agree. Only the last use of
the keys is invented, in the read models alone, because a million keys would need a log with as many uses.

Rare rows are far from the start of a list: the oldest fifth is revoked, and two people created the keys, one of them
the older ones. A list that scans in its order would be slow there.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, cast

from psycopg import sql

from domain.actor import UserActor
from domain.keys.decider import KEY
from domain.keys.events import KeyCreated, KeyDisabled, KeyEvent, KeyRevoked
from domain.keys.permissions import Permissions
from domain.keys.state import Existing
from domain.secret import SecretRecord
from eventstore.codec import encode, encode_data, schema_of, wire_name
from eventstore.execute import Change
from eventstore.lanes import lane_of
from eventstore.recorded import Origin, Record
from infrastructure.clock import new_event_id, new_id
from infrastructure.database.connections import Connection
from projections.read_models.keys.by_creator.apply import row_of
from projections.read_models.keys.list.apply import cells, put, terms
from projections.read_models.organizations.counts.apply import counts
from projections.registry import READ_MODELS

CHUNK = 20_000
APART = timedelta(seconds=30)
"""Time between the creation of one key and the next."""

_COPIED = {"organization_guard", "key_state", "key_list", "key_recency", "key_lineage"}
_OTHERS = tuple([model.inline for model in READ_MODELS if model.inline and model.name not in _COPIED])
_COLUMNS: dict[str, tuple[str, ...]] = {
    "streams": ("stream_id", "kind", "organization_id", "version"),
    "events": (
        *("lane", "position", "stream_id", "version", "event_id", "type", "organization_id", "occurred_at", "body"),
    ),
    "key_state": ("key_id", "organization_id", "version", "state"),
    "key_secrets": ("digest", "key_id", "organization_id", "secret_version"),
    "key_list": (
        *("key_id", "organization_id", "name", "name_key", "prefix", "environment", "status", "created_by"),
        *("created_at", "expires_at", "secrets_end_at", "all_mcps", "mcps"),
    ),
    "key_terms": ("organization_id", "term", "key_id"),
    "key_recency": ("key_id", "organization_id", "environment", "status", "created_at", "last_used"),
    "key_lineage": ("key_id", "organization_id", "created_by", "manages"),
    "key_usage": ("key_id", "organization_id", "total_requests", "last_used"),
}


class People(NamedTuple):
    """Creators of the keys: one of the oldest three tenths, one of a key in a thousand, one of the rest.

    `others`, if there are any, take turns with one in ten of the rest.
    """

    left: str
    occasional: str
    owner: str
    others: tuple[str, ...] = ()


async def fill(
    connection: Connection,
    organization_id: str,
    keys: int,
    mcps: Sequence[str],
    now: datetime,
    people: People | None = None,
) -> People:
    """Add `keys` keys to the organization; `connection` is the owner's. Returns their creators."""
    people = people or People(new_id("user"), new_id("user"), new_id("user"))
    lane = lane_of(organization_id)
    cursor = await connection.execute(b"select head from lane_heads where log = 'lifecycle' and lane = %s", (lane,))
    row = await cursor.fetchone()
    position: int = row[0] if row else 0
    counted: Counter[Any] = Counter()
    guarded: Counter[str] = Counter()
    for start in range(0, keys, CHUNK):
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}
        changes: list[Change[Any, Any]] = []
        for number in range(start, min(start + CHUNK, keys)):
            at = now - APART * (keys - number)
            events = list(_history(organization_id, number, keys, people, mcps, at))
            position = _append(rows, organization_id, lane, position, events, at)
            state = cast("Existing", KEY.fold(events))
            _show(rows, state, number, now - timedelta(seconds=keys - number))
            counted.update(cells(state))
            guarded.update(counts(state)._asdict())
            changes.append(
                Change("api_key", state.key.id, organization_id, None, state, tuple(events), len(events), at)
            )
        async with connection.transaction():
            for table, columns in _COLUMNS.items():
                await _copy(connection, table, columns, rows[table])
            async with connection.pipeline():
                for change in changes:
                    for model in _OTHERS:
                        for query, parameters in model.statements(change):
                            await connection.execute(query, parameters)
            await connection.execute(
                b"update lane_heads set head = %s where log = 'lifecycle' and lane = %s", (position, lane)
            )
    async with connection.cursor().copy(
        b"copy key_counts (organization_id, facet, environment, status, keys) from stdin"
    ) as copy:
        for cell, number in counted.items():
            await copy.write_row((organization_id, *cell, number))
    await connection.execute(
        b"update organization_guard set keys_active = keys_active + %s, keys_disabled = keys_disabled + %s"
        b" where organization_id = %s",
        (guarded["keys_active"], guarded["keys_disabled"], organization_id),
    )
    return people


def _history(
    organization_id: str, number: int, keys: int, people: People, mcps: Sequence[str], at: datetime
) -> Iterator[KeyEvent]:
    """Yield the events of key `number` of `keys`."""
    environment = "test" if number % 5 == 0 else "live"
    digest = sha256(os.urandom(16)).hexdigest()
    owner = _creator(number, keys, people)
    yield KeyCreated(
        key_id=new_id("key"),
        organization_id=organization_id,
        name=f"Service {number % 997} deploy-{number}",
        environment=environment,
        permissions=Permissions(mcps="*" if number % 2 else (mcps[number % len(mcps)],)),
        secret=SecretRecord(digest, f"pk_{environment}_{digest[:4]}", digest[-4:]),
        created_at=at,
        created_by=UserActor(owner),
        expires_at=at + APART * (keys - number) + timedelta(days=1 + number % 3_000) if number % 20 == 3 else None,
    )
    if number < keys // 5:
        yield KeyRevoked(at, "superseded")
    elif number % 40 == 1:
        yield KeyDisabled(at)


def _creator(number: int, keys: int, people: People) -> str:
    if number < keys * 3 // 10:
        return people.left
    if number % 1_000 == 7:
        return people.occasional
    if people.others and number % 10 == 1:
        return people.others[number // 10 % len(people.others)]
    return people.owner


def _append(
    rows: dict[str, list[tuple[Any, ...]]],
    organization_id: str,
    lane: int,
    position: int,
    events: Sequence[KeyEvent],
    at: datetime,
) -> int:
    """Append the stream and its events after `position`, and return the position of the last one."""
    created = cast("KeyCreated", events[0])
    previous = ""
    for version, (event_id, event) in enumerate(
        zip(sorted(new_event_id() for _ in events), events, strict=True), start=1
    ):
        name = wire_name(event)
        body = encode(
            Record(
                id=event_id,
                type=name,
                schema=schema_of(name),
                stream_id=created.key_id,
                version=version,
                organization_id=organization_id,
                occurred_at=at,
                origin=Origin(created.created_by, ip="192.0.2.7"),
                previous=previous,
                data=encode_data(event),
            )
        )
        previous = sha256(body).hexdigest()
        position += 1
        rows["events"].append((lane, position, created.key_id, version, event_id, name, organization_id, at, body))
    rows["streams"].append((created.key_id, "api_key", organization_id, len(events)))
    return position


def _show(rows: dict[str, list[tuple[Any, ...]]], state: Existing, number: int, last_used: datetime) -> None:
    """Append the key's rows of the read models. Three of five keys were used, younger keys later."""
    key = state.key
    owned = (key.id, key.organization_id)
    rows["key_state"].append((*owned, key.revision, encode(state)))
    rows["key_secrets"].append((bytes.fromhex(key.current_secret.digest), *owned, 1))
    rows["key_list"].append(tuple(put(state).parameters))
    rows["key_terms"] += [(key.organization_id, term, key.id) for term in terms(state)]
    lineage = row_of(state)
    if lineage is not None:
        rows["key_lineage"].append(tuple(lineage))
    used = last_used if number % 5 < 3 else None
    status = state.__struct_config__.tag
    rows["key_recency"].append((*owned, key.environment, status, key.created_at, used or "-infinity"))
    if used is not None:
        rows["key_usage"].append((*owned, 0, used))


async def _copy(connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    query = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with connection.cursor().copy(query) as copy:
        for row in rows:
            await copy.write_row(row)
