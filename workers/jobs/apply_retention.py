"""Every hour: uses that are older than any plan keeps them are exported and leave the log."""

from contextlib import suppress

import structlog

from eventstore.retention import AlreadyAtWork, MustStay
from workers.config import Config
from workers.retention import Left, apply
from workers.run import run_at_leisure
from workers.seldom import Seldom

SECONDS_MAX = 1_800
"""A day of many uses takes minutes. What is cut off begins anew with the next tick, and removed nothing."""

_log = structlog.get_logger(__name__)
_news = Seldom()


def apply_retention() -> None:
    run_at_leisure(take_out, SECONDS_MAX)


async def take_out(config: Config) -> None:
    try:
        with suppress(AlreadyAtWork):
            await apply(config.database_url, config.retention, told=_tell)
    except MustStay as error:
        if _news(str(error)):
            _log.warning("uses_have_to_stay", reason=str(error))


def _tell(left: Left) -> None:
    _log.info("uses_removed", day=left.day.isoformat(), uses=left.events, export=left.export and left.export.name)
