"""Withdrawal of alert mails whose recipient was removed or lost the required role before delivery."""

from domain.members.notifications import can_see
from infrastructure.database.connections import Pool
from projections.outboxes.alert_mail.queries import SQL as NOTICES
from projections.outboxes.alert_mail.queries import alerts_in_mail
from projections.outboxes.mail.outbox import SQL as OUTBOX


async def withdraw_unseen(pool: Pool, mail_id: str) -> bool:
    """Erase the mail if it contains an alert that its recipient may no longer see.

    The other alerts are mailed again.
    """
    async with pool.connection() as connection, connection.transaction():
        alerts = await alerts_in_mail(connection, mail_id)
        if all(alert.role is not None and can_see(alert.role, alert.type, own_key=alert.own_key) for alert in alerts):
            return False
        await connection.execute(NOTICES.notices_reopen, (mail_id,))
        await connection.execute(OUTBOX.mail_withdraw, (mail_id,))
    return True
