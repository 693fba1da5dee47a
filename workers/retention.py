"""Which days of uses leave the log, and how one is taken out: exported, read back, removed; the oldest first.

Every step can be the last one: what a killed process left is made good by the next run. See docs/retention.md.
"""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from eventstore.clock import now
from eventstore.database import AT_LEISURE, WORKER_ROLE, Connection, connect
from eventstore.errors import LogError
from eventstore.retention import claim, days, due, export, remove, summary
from projections.followers import OF_USES
from workers.retention_settings import Retention
from workers.run import check_clock


class Left(NamedTuple):
    """A day that left, or would; `export` is the file that has it."""

    day: date
    events: int
    export: Path | None


async def leaving(connection: Connection, retention: Retention, today: date) -> list[date]:
    """The days that are old enough, oldest first."""
    if retention.usage_days is None:
        return []
    return due(await days(connection), today, retention.usage_days)


async def apply(
    url: str, retention: Retention, at: Callable[[], datetime] = now, told: Callable[[Left], None] = lambda _: None
) -> list[Left]:
    """Take out what is old enough; gives what left. A day that has to stay keeps those after it.

    Raises `MustStay`, `AlreadyAtWork` and `ClockDiffers`.
    """
    if retention.why_nothing_leaves is not None:
        return []
    left: list[Left] = []
    async with await connect(url, role=WORKER_ROLE, timeouts=AT_LEISURE) as connection:
        await claim(connection)
        await check_clock(connection, irreversible=True)
        for day in await leaving(connection, retention, at().date()):
            # A day may take minutes, in which the clock of this machine may be set.
            await check_clock(connection, irreversible=True)
            left.append(await _take_out(connection, retention, day, at()))
            told(left[-1])
    return left


async def preview(url: str, retention: Retention) -> list[Left]:
    """What `apply` would take out; nothing is written anywhere."""
    async with await connect(url, role=WORKER_ROLE, timeouts=AT_LEISURE) as connection:
        await check_clock(connection, irreversible=False)
        found: list[Left] = []
        for day in await leaving(connection, retention, now().date()):
            held = await summary(connection, day)
            found.append(Left(day, sum(lane.events for lane in held), None))
        return found


async def _take_out(connection: Connection, retention: Retention, day: date, at: datetime) -> Left:
    held = await summary(connection, day)
    # A day without a use needs no file.
    manifest = await export(connection, retention.folder, day, held) if retention.folder and held else None
    if held and manifest is None and not retention.discard:
        raise LogError(f"{day}: nothing leaves without a file")
    followers = [follower.projection for follower in OF_USES]
    events = await remove(connection, day, held, followers, manifest, at)
    path = retention.folder / manifest.file if retention.folder and manifest else None
    return Left(day, events, path)
