"""Job, every hour: export uses that are older than every plan keeps them, and remove them from the log."""

from contextlib import suppress

import structlog

from eventstore.retention import AlreadyRunning, NotRemovable
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from workers.job import Job
from workers.job_runner import run_long_job
from workers.retention import RemovedDay, Retention, remove_expired

SECONDS_MAX = 1_800
"""A day with many uses takes minutes. If a run is cut off, it has removed nothing, and the next tick starts again."""

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def apply_retention() -> None:
    run_long_job(take_out, SECONDS_MAX)


JOB = Job(apply_retention, every=3_600, isolated=True, seconds_max=SECONDS_MAX + 60)


async def take_out(config: Settings) -> None:
    try:
        with suppress(AlreadyRunning):
            await remove_expired(config.database_url, Retention.from_settings(config), on_removed=_log_removal)
    except NotRemovable as error:
        if _news(str(error)):
            _log.warning("usage_removal_blocked", reason=str(error))


def _log_removal(removed: RemovedDay) -> None:
    _log.info(
        "usage_removed", day=removed.day.isoformat(), uses=removed.events, export=removed.export and removed.export.name
    )
