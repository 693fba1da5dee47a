"""Every hour: uses that are older than any plan keeps them are exported and leave the log."""

from contextlib import suppress

import structlog

from eventstore.retention import AlreadyRunning, NotRemovable
from workers.config import Config
from workers.job import Job
from workers.job_runner import run_long_job
from workers.log_throttle import LogThrottle
from workers.retention import RemovedDay, remove_expired

SECONDS_MAX = 1_800
"""A day of many uses takes minutes. What is cut off begins anew with the next tick, and removed nothing."""

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def apply_retention() -> None:
    run_long_job(take_out, SECONDS_MAX)


JOB = Job(apply_retention, every=3_600, isolated=True, seconds_max=SECONDS_MAX + 60)


async def take_out(config: Config) -> None:
    try:
        with suppress(AlreadyRunning):
            await remove_expired(config.database_url, config.retention, told=_tell)
    except NotRemovable as error:
        if _news(str(error)):
            _log.warning("uses_have_to_stay", reason=str(error))


def _tell(left: RemovedDay) -> None:
    _log.info("uses_removed", day=left.day.isoformat(), uses=left.events, export=left.export and left.export.name)
