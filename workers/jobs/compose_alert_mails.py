"""Job, every second: write one mail for each user with pending alert notices, about all of them.

No alert is mailed twice, even if a worker dies. A projection (`projections/outboxes/alert_mail`) stores each notice
once, in the transaction that moves its checkpoint. The mail enters the outbox in the transaction that settles the
notices. The first alert is mailed immediately. Alerts of the following minutes are combined into one mail.
"""

from datetime import datetime, timedelta
from time import monotonic

import structlog

from domain.members.notifications import wants_mail
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import UNAVAILABLE
from infrastructure.encryption import Sealer
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from projections.outboxes.alert_mail.follow import WORTH_TELLING
from projections.outboxes.alert_mail.queries import Notice, Recipient, claim, due, recipient, settle
from projections.outboxes.mail.outbox import mail_add
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job_with_config
from workers.mail.alert_mails import alert_mail

INTERVAL_MIN = timedelta(minutes=10)
"""The minimum time between two alert mails to a user."""

ALERTS_MAX = 1_000
"""The maximum number of alerts in a mail. The next mail contains the others."""

PAGE = 50

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def compose_alert_mails() -> None:
    run_job_with_config(mail)


JOB = Job(compose_alert_mails, every=1)


async def mail(pool: Pool, config: Settings) -> None:
    deadline = monotonic() + WORK_SECONDS
    if config.mail is None or not config.master_keys:
        return  # mail is not configured; the list of alerts contains everything
    sealer, after = Sealer(config.master_keys), ""
    while monotonic() < deadline:
        async with pool.connection() as connection:
            people = await due(connection, after, now() - INTERVAL_MIN, PAGE)
        for user_id in people:
            await _try_compose(pool, config, sealer, user_id)
        if len(people) < PAGE:
            return
        after = people[-1]


async def _try_compose(pool: Pool, config: Settings, sealer: Sealer, user_id: str) -> None:
    """Write the mail of one user. If something about this user cannot be read, the other users do not wait."""
    try:
        await _compose(pool, config, sealer, user_id)
    except UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 -- any error is logged and retried
        if _news(user_id):
            _log.error("alert_mail_failed", user_id=user_id, exc_info=error)


async def _compose(pool: Pool, config: Settings, sealer: Sealer, user_id: str) -> None:
    """Write one mail about the notices of a user, or none if the user no longer wants them."""
    at = now()
    async with pool.connection() as connection, connection.transaction():
        notices = await claim(connection, user_id, ALERTS_MAX)
        to = await recipient(connection, user_id)
        wanted = [notice for notice in notices if to is not None and _is_wanted(to, notice, at)]
        mail_id = None
        if to is not None and wanted:
            mail_id = new_id("mail")
            composed = alert_mail(to, wanted, at, config.public_url)
            effect = f"alerts {user_id} {wanted[0].alert_id}"
            add = mail_add(
                sealer,
                mail_id,
                composed,
                at=at,
                expires_at=at + WORTH_TELLING,
                effect=effect,
                organization_id=to.organization_id,
            )
            await connection.execute(*add)
        await _settle(connection, user_id, notices, wanted, at, mail_id)


async def _settle(
    connection: Connection, user_id: str, notices: list[Notice], wanted: list[Notice], at: datetime, mail_id: str | None
) -> None:
    mailed = {notice.alert_id for notice in wanted}
    await connection.execute(*settle(user_id, sorted(mailed), at, mail_id))
    unwanted = sorted({notice.alert_id for notice in notices} - mailed)
    await connection.execute(*settle(user_id, unwanted, at, None))


def _is_wanted(to: Recipient, notice: Notice, at: datetime) -> bool:
    """Return whether the user still wants the mail: the role, the preferences or the alert may have changed since."""
    if notice.acknowledged or notice.raised_at <= at - WORTH_TELLING:
        return False
    return wants_mail(to.notifications, to.role, notice.type, notice.severity, own_key=notice.own_key)
