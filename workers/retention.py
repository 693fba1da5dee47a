"""Removal of old usage days: export each day, read the export back, and remove the day, oldest first.

Every step can be the last one: the next run completes what a killed process left. See docs/retention.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, Self

from domain.plans.plan import usage_days
from eventstore.retention import claim, days, expired_days, export, remove, summary
from infrastructure.clock import now
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, WORKER_ROLE, Connection, connect
from infrastructure.database.errors import StorageError
from infrastructure.settings import Settings
from projections.registry import USAGE_PROJECTIONS
from workers.job_runner import check_clock


@dataclass(frozen=True, slots=True)
class Retention:
    """The retention settings. `usage_days`: how long uses are kept, None means permanently.

    `folder`: the export directory.

    `discard`: uses are removed without an export. Without a folder or `discard`, none are removed.
    """

    usage_days: int | None
    folder: Path | None = None
    discard: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(usage_days(settings.plans), settings.usage_export_dir, settings.usage_discard)

    @property
    def why_nothing_leaves(self) -> str | None:
        """Return why no uses are removed, or None if days that are old enough are removed."""
        if self.usage_days is None:
            return "a plan keeps its uses permanently. Set usage_days of every plan in KEYLEDGER_PLANS"
        if self.folder is None and not self.discard:
            return "KEYLEDGER_USAGE_EXPORT_DIR is not set. Set it to a folder, or set KEYLEDGER_USAGE_DISCARD=true"
        return None


class RemovedDay(NamedTuple):
    """A day that was removed or would be. `export` is its export file."""

    day: date
    events: int
    export: Path | None


async def days_to_remove(connection: Connection, retention: Retention, today: date) -> list[date]:
    """Return the days that are old enough, oldest first."""
    if retention.usage_days is None:
        return []
    return expired_days(await days(connection), today, retention.usage_days)


async def remove_expired(
    url: str,
    retention: Retention,
    at: Callable[[], datetime] = now,
    on_removed: Callable[[RemovedDay], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[RemovedDay]:
    """Remove the days that are old enough, and return them. A day that must stay also keeps the later ones.

    Raises `NotRemovable`, `AlreadyRunning` and `ClockDiffers`.
    """
    if retention.why_nothing_leaves is not None:
        return []
    removed: list[RemovedDay] = []
    async with await connect(url, role=WORKER_ROLE, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await claim(connection)
        await check_clock(connection, irreversible=True)
        expired = await days_to_remove(connection, retention, at().date())
        progress(0, len(expired))
        for day in expired:
            # A day may take minutes, during which the clock of this machine may be set.
            await check_clock(connection, irreversible=True)
            removed.append(await _remove_day(connection, retention, day, at()))
            on_removed(removed[-1])
            progress(len(removed), len(expired))
    return removed


async def preview(url: str, retention: Retention) -> list[RemovedDay]:
    """Return the days that `remove_expired` would remove. Nothing is written."""
    async with await connect(url, role=WORKER_ROLE, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await check_clock(connection, irreversible=False)
        expired: list[RemovedDay] = []
        for day in await days_to_remove(connection, retention, now().date()):
            summaries = await summary(connection, day)
            expired.append(RemovedDay(day, sum(lane.events for lane in summaries), None))
        return expired


async def _remove_day(connection: Connection, retention: Retention, day: date, at: datetime) -> RemovedDay:
    summaries = await summary(connection, day)
    # A day without uses needs no file.
    manifest = await export(connection, retention.folder, day, summaries) if retention.folder and summaries else None
    if summaries and manifest is None and not retention.discard:
        raise StorageError(f"{day}: nothing leaves without a file")
    projection_names = [projection.name for projection in USAGE_PROJECTIONS]
    events = await remove(connection, day, summaries, projection_names, manifest, at)
    path = retention.folder / manifest.file if retention.folder and manifest else None
    return RemovedDay(day, events, path)
