"""How uses leave the log: a day at a time, the oldest first, written to a file before (docs/decisions/0027).

PostgreSQL removes a day in one transaction (`usage_day_remove`), compares once more what is about to leave with what
was exported, refuses what must stay, and writes down what left.
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
"""So many uses come at once from the server's cursor."""


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
    """That day can not leave the log yet."""


class AlreadyRunning(StorageError):
    """Somebody else is removing uses from this log."""


class Removed(NamedTuple):
    """What left the log in all: so many `days`, from `first` to `last`, with so many uses."""

    days: int
    first: date
    last: date
    events: int

    def __str__(self) -> str:
        return f"{self.events} of them left with {self.days} days, {self.first} to {self.last}"


class Removal(NamedTuple):
    """What was written down of a day that left; `export` and its digest are None where there was none."""

    events: int
    export: str | None
    export_sha256: str | None
    lanes: Sequence[LaneSummary]


async def days(connection: Connection) -> list[date]:
    """Those that the log of uses has a partition for, oldest first."""
    cursor = await connection.execute(SQL.days)
    return [row[0] for row in await cursor.fetchall()]


def expired_days(known: Sequence[date], today: date, kept_days: int) -> list[date]:
    """Which of the days may leave, oldest first: all their uses are older than `kept_days`, and of an earlier month."""
    end = min(today - timedelta(days=kept_days), today.replace(day=1))
    return sorted(day for day in known if day < end)


async def claim(connection: Connection) -> None:
    """Until this connection ends, nobody else removes uses. Raises `AlreadyAtWork`."""
    row = await (await connection.execute(SQL.claim)).fetchone()
    if row is None or not row[0]:
        raise AlreadyRunning


async def summary(connection: Connection, day: date) -> list[LaneSummary]:
    cursor = await connection.execute(SQL.summary, (day,))
    return [_lane(row) for row in await cursor.fetchall()]


async def export(connection: Connection, folder: Path, day: date, held: Sequence[LaneSummary]) -> Manifest:
    """The file of a day, which is written unless it is there and holds what the log holds. Raises `BrokenExport`."""
    try:
        manifest = verified(folder / file_name(day))
    except (CorruptExport, FileNotFoundError):
        manifest = None
    if manifest is None or manifest.lanes != held:
        async with connection.transaction():
            with export_writer(folder, day) as add:
                async for line in _lines(connection, day):
                    add(line)
        manifest = verified(folder / file_name(day))
    if manifest.lanes != held:
        raise CorruptExport(f"{manifest.file} does not hold what the log does")
    return manifest


async def remove(
    connection: Connection,
    day: date,
    held: Sequence[LaneSummary],
    followers: Sequence[str],
    manifest: Manifest | None,
    at: datetime,
) -> int:
    """Take a day out of the log, of which `held` is known to hold true; gives how many uses left. Raises `MustStay`."""
    parameters = (
        day,
        [lane.lane for lane in held],
        [lane.events for lane in held],
        [bytes.fromhex(lane.bodies_sha256) for lane in held],
        list(followers),
        None if manifest is None else manifest.file,
        None if manifest is None else bytes.fromhex(manifest.sha256),
        at,
    )
    try:
        row = await (await connection.execute(SQL.remove, parameters)).fetchone()
    except psycopg.errors.LockNotAvailable as error:
        raise NotRemovable(f"{day}: somebody reads the log all the time") from error
    except psycopg.Error as error:
        if error.sqlstate == NOT_REMOVABLE:
            raise NotRemovable(error.diag.message_primary) from error
        raise
    return 0 if row is None else int(row[0])


async def removal(connection: Connection, day: date) -> Removal | None:
    """What was written down of a day; None: it did not leave."""
    rows = await (await connection.execute(SQL.removal, (day,))).fetchall()
    if not rows:
        return None
    events, file, digest = rows[0][:3]
    lanes = [_lane(row[3:]) for row in rows if row[3] is not None]
    return Removal(events, file, None if digest is None else bytes(digest).hex(), lanes)


async def removed(connection: Connection) -> Removed | None:
    """None: all uses that ever were are in the log."""
    row = await (await connection.execute(SQL.removed)).fetchone()
    return None if row is None or not row[0] else Removed(*row)


async def removals_locked(connection: Connection) -> Removed | None:
    """As above; no other day leaves before the transaction of `connection` ends."""
    await connection.execute(SQL.hold)
    return await removed(connection)


async def removals_wrong(connection: Connection) -> list[str]:
    """A line for each day and lane whose batches are not what was written down when they left."""
    cursor = await connection.execute(SQL.removals_wrong)
    lines = [
        f"usage of {day}, lane {lane}: {kept} events were removed, its batches say {said}"
        for day, lane, kept, said in await cursor.fetchall()
    ]
    cursor = await connection.execute(SQL.removal_sums_wrong)
    return lines + [
        f"usage of {day}: {events} events were removed, its lanes say {said}"
        for day, events, said in await cursor.fetchall()
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
