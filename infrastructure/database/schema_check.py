"""Comparison of the database with the migrations: roles, grants, policies, triggers, functions, partitions.

A restore into a server without the roles keeps the tables and loses every grant and policy, and `schema_migrations`
does not show the loss. The expected state is not declared a second time: all scripts run again in a scratch schema,
in a transaction that is rolled back, and the two schemas are compared (docs/decisions/0034).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import NamedTuple, cast, get_args

from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, Connection, Role, connect
from infrastructure.database.errors import StorageError
from infrastructure.database.migrate import HISTORY_TABLE, LOCK_KEY, Script
from infrastructure.database.statements import load

ROLES: tuple[Role, ...] = get_args(Role)

_SCRATCH = "keyledger_expected_schema"
_PUBLIC = re.compile(rb"\bpublic(?=\.)|(?<=schema )public\b|(?<=pg_catalog, )public\b")
"""Where the scripts name the schema that they fill. `from public` in a revoke means every role, so it is excluded."""

_PARTITION = re.compile(r"usage_events_(\d{4})(\d{2})(\d{2})")
_SAMPLE = date(2000, 1, 1)
"""The day whose partition is the model for the partitions of all days."""

_ORDER = (
    "function",
    "partition",
    "row security",
    "policy",
    "grant",
    "rule",
    "trigger",
    "enabled trigger",
    "constraint",
    "index",
)
"""The order of repairs: objects that others depend on come first."""


_LEFT_ALONE = frozenset({"trigger", "rule"})
"""Kinds that operators may add to the tables, for example for replication. Added policies and grants are removed."""


class _Queries(NamedTuple):
    accepts_changes: bytes
    roles_differing: bytes
    roles_out_of_reach: bytes
    schema_objects: bytes


_SQL = load(_Queries, __file__, "schema_check.sql")


class SchemaDiffers(StorageError):
    """The database is not what the migrations make of it. Restore what is missing from a backup."""


class Object(NamedTuple):
    """An object in a schema. `make` and `remove` are the statements that do so; None: this module does not do it."""

    kind: str
    relation: str
    name: str
    definition: str
    make: str | None
    remove: str | None

    @property
    def identity(self) -> tuple[str, str]:
        return self.name, self.definition


class Difference(NamedTuple):
    """A difference described by `text`. `statement` repairs it; None: it cannot be repaired here.

    `is_left_alone`: an operator may have added the object on purpose, so the difference is only reported.
    """

    text: str
    statement: str | None
    rank: int = -1
    is_left_alone: bool = False


async def repair(url: str, scripts: Sequence[Script]) -> list[str]:
    """Repair the differences, and return a line for each repair and each difference that is left alone.

    Raise `SchemaDiffers` for differences that cannot be repaired. All scripts must have been applied. Any number of
    processes may call this concurrently.
    """
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await connection.execute(b"select pg_advisory_lock(%s)", (LOCK_KEY,))
        repaired = await _apply_repairs(connection, await _roles_differing(connection))
        await _grant_roles(connection)
        found = await schema_differences(connection, scripts)
        repaired += await _apply_repairs(connection, sorted(found, key=lambda difference: difference.rank))
        left = await schema_differences(connection, scripts) if found else []
        unrepaired = [each.text for each in left if not each.is_left_alone]
        if unrepaired:
            texts = "; ".join(dict.fromkeys(unrepaired))
            raise SchemaDiffers(
                f"The database is not what the migrations make of it: {texts}. Restore what is missing from a "
                "backup, or let a superuser run python -m eventstore migrate."
            )
        left_alone = [each.text for each in left if each.is_left_alone]
        return [*(f"repaired: {text}" for text in repaired), *(f"left alone: {text}" for text in left_alone)]


async def accepts_changes(connection: Connection) -> bool:
    """Return whether the server accepts changes: a standby is read-only."""
    row = await (await connection.execute(_SQL.accepts_changes)).fetchone()
    return row is not None and bool(row[0])


async def schema_differences(connection: Connection, scripts: Sequence[Script]) -> list[Difference]:
    """Return every difference between the database and the result of `scripts`.

    Nothing is changed. The connection needs the owner's login.
    """
    roles = await _roles_differing(connection)
    if any(difference.text.endswith("does not exist") for difference in roles):
        # Without the roles no grant and no policy can exist, so one line for each role is enough.
        return roles
    async with connection.transaction(force_rollback=True):
        await connection.execute(b"set local search_path = public")
        found = await _objects(connection, "public")
        await connection.execute(sql.SQL("create schema {}").format(sql.Identifier(_SCRATCH)))
        await connection.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(_SCRATCH)))
        await connection.execute(HISTORY_TABLE)
        for script in scripts:
            await connection.execute(_PUBLIC.sub(_SCRATCH.encode(), script.sql))
        await connection.execute(b"select usage_partition_ensure(%s)", (_SAMPLE,))
        expected = await _objects(connection, _SCRATCH)
    return [*roles, *_compare(expected, found)]


async def _roles_differing(connection: Connection) -> list[Difference]:
    cursor = await connection.execute(_SQL.roles_differing, {"roles": list(ROLES)})
    return [Difference(text, statement) for text, statement in await cursor.fetchall()]


async def _grant_roles(connection: Connection) -> None:
    """Let the migrating user assume the roles again, as it could when the migrations created them."""
    cursor = await connection.execute(_SQL.roles_out_of_reach, {"roles": list(ROLES)})
    for (role,) in await cursor.fetchall():
        await connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
    await _apply_repairs(connection, await _roles_differing(connection))


async def _apply_repairs(connection: Connection, differences: Iterable[Difference]) -> list[str]:
    repaired: list[str] = []
    async with connection.transaction():
        for difference in differences:
            if difference.statement is None:
                continue
            # A difference that only a superuser can repair remains, and `repair` then reports it.
            with suppress(InsufficientPrivilege):
                async with connection.transaction():
                    await connection.execute(difference.statement.encode())
                repaired.append(difference.text)
    return list(dict.fromkeys(repaired))


async def _objects(connection: Connection, schema: str) -> list[Object]:
    cursor = await connection.execute(_SQL.schema_objects, {"schema": schema, "roles": list(ROLES)})
    rows = [tuple(_in_public(value) for value in row) for row in await cursor.fetchall()]
    return [Object(*cast("tuple[str, str, str, str, str | None, str | None]", row)) for row in rows]


def _in_public(value: str | None) -> str | None:
    return value and value.replace(_SCRATCH, "public")


def _compare(expected: Sequence[Object], found: Sequence[Object]) -> Iterator[Difference]:
    sample = [each for each in expected if _PARTITION.fullmatch(each.relation)]
    wanted = {each.identity: each for each in expected if each not in sample}
    days = {each.relation for each in found if each.kind == "table" and _PARTITION.fullmatch(each.relation)}
    for name in sorted(days):
        wanted |= {each.identity: each for each in _of_day(sample, name)}
    present = {each.identity: each for each in found}
    owners = {each.relation for each in wanted.values()}
    names = {each.name for each in found}
    wanted_names = {each.name for each in wanted.values()}
    tables = {each.relation for each in found if each.kind == "table"}
    gone = {each.relation for each in wanted.values() if each.kind == "table"} - tables
    for identity, each in present.items():
        if identity in wanted or each.remove is None or each.relation not in owners:
            continue
        if each.kind in _LEFT_ALONE and each.name not in wanted_names:
            yield Difference(
                f"{each.name} is not made by the migrations; drop it if it is not yours", None, is_left_alone=True
            )
        else:
            yield Difference(f"{each.name} is not what the migrations make", each.remove)
    for identity, each in wanted.items():
        # A missing table also lacks everything that belongs to it, so one line is enough.
        if identity not in present and (each.kind == "table" or each.relation not in gone):
            rank = _ORDER.index(each.kind) if each.kind in _ORDER else len(_ORDER)
            how = "is not what the migrations make" if each.name in names else "is missing"
            # An object that exists under the same name and cannot be removed blocks its own replacement.
            repairable = each.kind == "function" or each.name not in names or each.remove is not None
            yield Difference(f"{each.name} {how}", each.make if repairable else None, rank)


def _of_day(sample: Sequence[Object], partition: str) -> Iterator[Object]:
    """Yield the objects of the sample partition, renamed for the day of `partition`."""
    match = _PARTITION.fullmatch(partition)
    if match is None:
        return
    day = date(int(match[1]), int(match[2]), int(match[3]))
    words = {
        f"usage_events_{_SAMPLE:%Y%m%d}": partition,
        str(_SAMPLE + timedelta(days=1)): str(day + timedelta(days=1)),
        str(_SAMPLE): str(day),
    }
    pattern = re.compile("|".join(map(re.escape, words)))

    def of_day(text: str) -> str:
        return pattern.sub(lambda found: words[found[0]], text)

    for kind, relation, name, definition, make, remove in sample:
        made, removed = make and of_day(make), remove and of_day(remove)
        yield Object(kind, of_day(relation), of_day(name), of_day(definition), made, removed)
