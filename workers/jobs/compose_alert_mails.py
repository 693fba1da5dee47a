"""Every second: whoever wants to know of an alert is written a mail, one for all that wait for them.

Nothing is written twice, whoever dies: a follower of the log (`projections/alert_notices`) notes once who is to be told
of what, in the transaction that moves its checkpoint, and a mail goes into the outbox in the transaction that settles
those notices. The first alert is told at once; what comes within the next minutes waits and is told together.
"""

from datetime import datetime, timedelta
from time import monotonic

import structlog

from domain.members.notifications import wants_mail
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.errors import UNAVAILABLE
from infrastructure.encryption import Sealer
from infrastructure.settings import Settings
from projections.outboxes.alert_mail.follow import WORTH_TELLING
from projections.outboxes.alert_mail.queries import Notice, Recipient, claim, due, recipient, settle
from projections.outboxes.mail.outbox import mail_add
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job_with_config
from workers.log_throttle import LogThrottle
from workers.mail.alert_mails import alert_mail

QUIET = timedelta(minutes=10)
"""Between two mails of alerts to somebody."""

ALERTS_MAX = 1_000
"""In one mail; the next one has the others."""

PAGE = 50

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def compose_alert_mails() -> None:
    run_job_with_config(mail)


JOB = Job(compose_alert_mails, every=1)


async def mail(pool: Pool, config: Settings) -> None:
    deadline = monotonic() + WORK_SECONDS
    if config.mail is None or not config.master_keys:
        return  # nobody gets any mail here; who reads the list of alerts misses nothing
    sealer, after = Sealer(config.master_keys), ""
    while monotonic() < deadline:
        async with pool.connection() as connection:
            people = await due(connection, after, now() - QUIET, PAGE)
        for user_id in people:
            await _try(pool, config, sealer, user_id)
        if len(people) < PAGE:
            return
        after = people[-1]


async def _try(pool: Pool, config: Settings, sealer: Sealer, user_id: str) -> None:
    """Somebody of whom something can not be read keeps nobody else waiting."""
    try:
        await _tell(pool, config, sealer, user_id)
    except UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is said, and tried again
        if _news(user_id):
            _log.error("alert_mail_failed", user_id=user_id, exc_info=error)


async def _tell(pool: Pool, config: Settings, sealer: Sealer, user_id: str) -> None:
    """Write what waits for somebody into one mail, or into none where it is not wanted any more."""
    at = now()
    async with pool.connection() as connection, connection.transaction():
        notices = await claim(connection, user_id, ALERTS_MAX)
        to = await recipient(connection, user_id)
        told = [notice for notice in notices if to is not None and _is_wanted(to, notice, at)]
        mail_id = None
        if to is not None and told:
            mail_id = new_id("mail")
            written = alert_mail(to, told, at, config.public_url)
            effect = f"alerts {user_id} {told[0].alert_id}"
            add = mail_add(sealer, mail_id, written, at=at, expires_at=at + WORTH_TELLING, effect=effect)
            await connection.execute(*add)
        await _settle(connection, user_id, notices, told, at, mail_id)


async def _settle(
    connection: Connection, user_id: str, notices: list[Notice], told: list[Notice], at: datetime, mail_id: str | None
) -> None:
    said = {notice.alert_id for notice in told}
    await connection.execute(*settle(user_id, sorted(said), at, mail_id))
    unsaid = sorted({notice.alert_id for notice in notices} - said)
    await connection.execute(*settle(user_id, unsaid, at, None))


def _is_wanted(to: Recipient, notice: Notice, at: datetime) -> bool:
    """Still: they may have been given another role, or have chosen otherwise, or somebody has seen to it already."""
    if notice.acknowledged or notice.raised_at <= at - WORTH_TELLING:
        return False
    return wants_mail(to.notifications, to.role, notice.type, notice.severity, own_key=notice.own_key)
