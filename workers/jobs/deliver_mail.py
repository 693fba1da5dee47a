"""Every second: mails that wait in the outbox are delivered, each at least once; what is in them is then erased.

A mail is pushed ahead in time before it is tried, so a worker that dies in between leaves it to a later attempt. While
no mail gets through, one is tried now and then, so that a mail server that hangs holds nobody up.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic

import structlog

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.encryption import DecryptionFailed, Sealer
from infrastructure.settings import Settings
from projections.outboxes.mail.outbox import SQL, Waiting, claim
from workers.job import Job
from workers.job_runner import run_job_with_config
from workers.log_throttle import LogThrottle
from workers.mail.sending import NotDelivered, send
from workers.mail.withdrawing import withdraw_unseen

PAGE = 5
"""Few, because a server may take seconds for each: what is left of them when the job is cut off waits for the lease."""

_WORK_SECONDS = 5.0
"""Longer than others: nobody else waits for the process of this job."""

LEASE = timedelta(seconds=60)
"""Longer than an attempt takes."""

_PAUSE_FIRST = timedelta(seconds=5)
_PAUSE_MOST = timedelta(minutes=15)
_DOUBLINGS_MAX = 10

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def deliver_mail() -> None:
    run_job_with_config(deliver)


JOB = Job(deliver_mail, every=1, isolated=True)


async def deliver(pool: Pool, config: Settings) -> None:
    deadline = monotonic() + _WORK_SECONDS
    while monotonic() < deadline:
        async with pool.connection() as connection:
            waiting = await claim(connection, now(), now() + LEASE, PAGE)
        for mail in waiting:
            if not await _see_to(pool, config, mail):
                return
        if len(waiting) < PAGE:
            return


async def _see_to(pool: Pool, config: Settings, waiting: Waiting) -> bool:
    """False when no mail gets through: those that were claimed wait for the end of their lease."""
    at = now()
    if at >= waiting.expires_at:
        _log.warning("mail_abandoned", mail_id=waiting.mail_id, attempts=waiting.attempts)
        await _erase(pool, waiting, None)
        return True
    if config.mail is None or not config.master_keys:
        if _news("not configured"):
            _log.error("mail_not_configured", needed="SMTP_URL, MAIL_FROM, KEYLEDGER_MASTER_KEY")
        return False
    if await withdraw_unseen(pool, waiting.mail_id):
        _log.info("mail_withdrawn", mail_id=waiting.mail_id)
        return True
    try:
        mail = waiting.opened(Sealer(config.master_keys))
        await asyncio.to_thread(send, config.mail, waiting.mail_id, mail, at)
    except DecryptionFailed:
        _log.error("mail_decryption_failed", mail_id=waiting.mail_id)
        await _erase(pool, waiting, None)
    except NotDelivered as error:
        if _news(error.reason):
            _log.warning("mail_not_delivered", mail_id=waiting.mail_id, reason=error.reason, again=error.again)
        if not error.again:
            await _erase(pool, waiting, None)
            return True
        await _later(pool, waiting, at)
        return not error.away
    else:
        await _erase(pool, waiting, at)
    return True


async def _erase(pool: Pool, waiting: Waiting, sent_at: datetime | None) -> None:
    async with pool.connection() as connection:
        await connection.execute(SQL.mail_erase, (sent_at, waiting.mail_id))


async def _later(pool: Pool, waiting: Waiting, at: datetime) -> None:
    pause = min(_PAUSE_FIRST * 2 ** min(waiting.attempts - 1, _DOUBLINGS_MAX), _PAUSE_MOST)
    async with pool.connection() as connection:
        await connection.execute(SQL.mail_later, (at + pause, waiting.mail_id))
