"""Every minute: sessions, links, counted attempts that are over, mails and notices that are dealt with, are removed."""

from datetime import timedelta
from time import monotonic

from eventstore.clock import now
from eventstore.database import Pool
from projections.alert_notices.queries import SQL as NOTICES
from projections.mail.outbox import SQL as MAIL
from projections.sessions.queries import SQL
from workers.run import WORK_SECONDS, run

SESSION_IDLE_MOST = timedelta(days=366)
"""Beyond any setting: whether a session counts is decided by the API, which knows its settings, and not by this."""

LINKS_KEPT = timedelta(days=1)
FAILURES_KEPT = timedelta(days=90)
MAILS_KEPT = timedelta(days=90)


def forget_sign_ins() -> None:
    run(forget)


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
