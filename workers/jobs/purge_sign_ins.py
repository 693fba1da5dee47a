"""Job, every minute: delete ended sessions, sign-in links, throttle counters, and settled mails and notices."""

from datetime import timedelta
from time import monotonic

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from projections.outboxes.alert_mail.queries import SQL as NOTICES
from projections.outboxes.mail.outbox import SQL as MAIL
from projections.records.sessions.queries import SQL
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job

SESSION_IDLE_MOST = timedelta(days=366)
"""Longer than any setting. The API knows its settings and decides which sessions are valid."""

LINKS_KEPT = timedelta(days=1)
FAILURES_KEPT = timedelta(days=90)
MAILS_KEPT = timedelta(days=90)


def purge_sign_ins() -> None:
    run_job(forget)


JOB = Job(purge_sign_ins, every=60)


async def forget(pool: Pool) -> None:
    at = now()
    removals = (
        (SQL.sessions_forget, (at, at - SESSION_IDLE_MOST)),
        (SQL.links_forget, (at - LINKS_KEPT,)),
        (SQL.rates_forget, (at,)),
        (SQL.failures_forget, (at - FAILURES_KEPT,)),
        (MAIL.mail_forget, (at - MAILS_KEPT,)),
        (NOTICES.notices_forget, (at - MAILS_KEPT,)),
    )
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as connection:
        for query, parameters in removals:
            while monotonic() < deadline:
                cursor = await connection.execute(query, parameters)
                if cursor.rowcount == 0:
                    break
