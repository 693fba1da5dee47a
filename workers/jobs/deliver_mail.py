"""Job, every second: deliver the mails in the outbox, each at least once, and then erase their content.

A worker moves the next attempt of a mail into the future before it sends the mail, so another worker retries it if the
first one dies. While no mail can be delivered, one is tried at growing intervals, so a mail server that hangs blocks
nothing else.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic

import structlog

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.encryption import DecryptionFailed, Sealer
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from projections.outboxes.mail.outbox import SQL, Waiting, claim
from workers.job import Job
from workers.job_runner import run_job_with_config
from workers.mail.sending import NotDelivered, send
from workers.mail.withdrawing import withdraw_unseen

PAGE = 5
"""Small, because a server may take seconds per mail.

If the job is cut off, the remaining mails wait for their lease.
"""

_WORK_SECONDS = 5.0
"""Longer than the default: no other job waits for the process of this job."""

LEASE = timedelta(seconds=60)
"""Longer than an attempt takes."""

_PAUSE_FIRST = timedelta(seconds=5)
_PAUSE_MAX = timedelta(minutes=15)
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
            if not await _process(pool, config, mail):
                return
        if len(waiting) < PAGE:
            return


async def _process(pool: Pool, config: Settings, waiting: Waiting) -> bool:
    """Process one claimed mail.

    Return False if no mail can be delivered: the other claimed mails then wait for their lease.
    """
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
            _log.warning("mail_not_delivered", mail_id=waiting.mail_id, reason=error.reason, again=error.retryable)
        if not error.retryable:
            await _erase(pool, waiting, None)
            return True
        await _postpone(pool, waiting, at)
        return not error.transport_down
    else:
        await _erase(pool, waiting, at)
    return True


async def _erase(pool: Pool, waiting: Waiting, sent_at: datetime | None) -> None:
    async with pool.connection() as connection:
        await connection.execute(SQL.mail_erase, (sent_at, waiting.mail_id))


async def _postpone(pool: Pool, waiting: Waiting, at: datetime) -> None:
    pause = min(_PAUSE_FIRST * 2 ** min(waiting.attempts - 1, _DOUBLINGS_MAX), _PAUSE_MAX)
    async with pool.connection() as connection:
        await connection.execute(SQL.mail_later, (at + pause, waiting.mail_id))
