"""Removal of old uses from the log: one day at a time, oldest first, after an export (docs/decisions/0027).

PostgreSQL removes a day in one transaction (`usage_day_remove`). It compares the rows with the export again, refuses to
remove rows that must stay, and records what was removed.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from msgspec import Raw

from eventstore.usage_export import CorruptExport, LaneSummary, Line, Manifest, export_writer, file_name, verified
from infrastructure.database.connections import Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.statements import load

NOT_REMOVABLE = "KL003"
"""SQLSTATE raised by `usage_day_remove`."""

_ROWS = 2_000
"""Rows per fetch from the server-side cursor."""


class _Queries(NamedTuple):
    days: bytes
    claim: bytes
    summary: bytes
    uses: bytes
    remove: bytes
    removal: bytes
    removed: bytes
    hold: bytes
    removals_wrong: bytes
    removal_sums_wrong: bytes


SQL = load(_Queries, __file__, "retention.sql")


class NotRemovable(StorageError):
    """The day cannot be removed from the log yet."""


class AlreadyRunning(StorageError):
    """Another process is removing uses from this log. Wait until it has finished."""


class Removed(NamedTuple):
    """The total of all removals: the number of `days`, from `first` to `last`, and the number of uses."""

    days: int
    first: date
    last: date
    events: int

    def __str__(self) -> str:
        return f"{self.events} of them left with {self.days} days, {self.first} to {self.last}"


class Removal(NamedTuple):
    """The ledger entry of a removed day. `export` and its digest are None if there was no export."""

    events: int
    export: str | None
    export_sha256: str | None
    lanes: Sequence[LaneSummary]


async def days(connection: Connection) -> list[date]:
    """Return the days for which the usage log has a partition, oldest first."""
    cursor = await connection.execute(SQL.days)
    return [row[0] for row in await cursor.fetchall()]


def expired_days(known: Sequence[date], today: date, kept_days: int) -> list[date]:
    """Return the removable days, oldest first: all uses are older than `kept_days` and of an earlier month."""
    end = min(today - timedelta(days=kept_days), today.replace(day=1))
    return sorted(day for day in known if day < end)


async def claim(connection: Connection) -> None:
    """Prevent other processes from removing uses until this connection closes. Raises `AlreadyRunning`."""
    row = await (await connection.execute(SQL.claim)).fetchone()
    if row is None or not row[0]:
        raise AlreadyRunning


async def summary(connection: Connection, day: date) -> list[LaneSummary]:
    cursor = await connection.execute(SQL.summary, (day,))
    return [_lane(row) for row in await cursor.fetchall()]


async def export(connection: Connection, folder: Path, day: date, summaries: Sequence[LaneSummary]) -> Manifest:
    """Export a day, unless its file exists and matches the log. Raises `CorruptExport`."""
    try:
        manifest = verified(folder / file_name(day))
    except (CorruptExport, FileNotFoundError):
        manifest = None
    if manifest is None or manifest.lanes != summaries:
        async with connection.transaction():
            with export_writer(folder, day) as add:
                async for line in _lines(connection, day):
                    add(line)
        manifest = verified(folder / file_name(day))
    if manifest.lanes != summaries:
        raise CorruptExport(f"{manifest.file} differs from the log")
    return manifest


async def remove(
    connection: Connection,
    day: date,
    summaries: Sequence[LaneSummary],
    projection_names: Sequence[str],
    manifest: Manifest | None,
    at: datetime,
) -> int:
    """Remove a day with the verified `summaries`, and return how many uses were removed. Raises `NotRemovable`."""
    parameters = (
        day,
        [lane.lane for lane in summaries],
        [lane.events for lane in summaries],
        [bytes.fromhex(lane.bodies_sha256) for lane in summaries],
        list(projection_names),
        None if manifest is None else manifest.file,
        None if manifest is None else bytes.fromhex(manifest.sha256),
        at,
    )
    try:
        row = await (await connection.execute(SQL.remove, parameters)).fetchone()
    except psycopg.errors.LockNotAvailable as error:
        raise NotRemovable(f"{day}: the log is in use by readers") from error
    except psycopg.Error as error:
        if error.sqlstate == NOT_REMOVABLE:
            raise NotRemovable(error.diag.message_primary) from error
        raise
    return 0 if row is None else int(row[0])


async def removal(connection: Connection, day: date) -> Removal | None:
    """Return the ledger entry of a day, or None if the day was not removed."""
    rows = await (await connection.execute(SQL.removal, (day,))).fetchall()
    if not rows:
        return None
    events, file, digest = rows[0][:3]
    lanes = [_lane(row[3:]) for row in rows if row[3] is not None]
    return Removal(events, file, None if digest is None else bytes(digest).hex(), lanes)


async def removed(connection: Connection) -> Removed | None:
    """Return the total of all removals, or None if nothing was ever removed."""
    row = await (await connection.execute(SQL.removed)).fetchone()
    return None if row is None or not row[0] else Removed(*row)


async def removals_locked(connection: Connection) -> Removed | None:
    """Return the same, and prevent further removals until the transaction of `connection` ends."""
    await connection.execute(SQL.hold)
    return await removed(connection)


async def removals_wrong(connection: Connection) -> list[str]:
    """Return a line for each removed day and lane whose batches differ from the ledger of removals."""
    cursor = await connection.execute(SQL.removals_wrong)
    lines = [
        f"usage of {day}, lane {lane}: {recorded} events were removed, its batches say {counted}"
        for day, lane, recorded, counted in await cursor.fetchall()
    ]
    cursor = await connection.execute(SQL.removal_sums_wrong)
    return lines + [
        f"usage of {day}: {events} events were removed, its lanes say {counted}"
        for day, events, counted in await cursor.fetchall()
    ]


def _lane(row: Sequence[Any]) -> LaneSummary:
    lane, first_batch, last_batch, batches, events, digest = row
    return LaneSummary(lane, first_batch, last_batch, batches, events, bytes(digest).hex())


async def _lines(connection: Connection, day: date) -> AsyncIterator[Line]:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    async with connection.cursor("uses_of_a_day", binary=True) as cursor:
        cursor.itersize = _ROWS
        await cursor.execute(SQL.uses, (first, first + timedelta(days=1)))
        async for lane, batch_no, ordinal, occurred_at, body in cursor:
            yield Line(lane, batch_no, ordinal, occurred_at, Raw(bytes(body)))
