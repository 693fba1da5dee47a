"""Takes back mails about alerts whose reader was removed, or got a smaller role, before they were delivered."""

from domain.members.notifications import can_see
from infrastructure.database.connections import Pool
from projections.outboxes.alert_mail.queries import SQL as NOTICES
from projections.outboxes.alert_mail.queries import told_by
from projections.outboxes.mail.outbox import SQL as OUTBOX


async def withdraw_unseen(pool: Pool, mail_id: str) -> bool:
    """Erase the mail if it tells of anything that its reader may not see now. What they may see is written again."""
    async with pool.connection() as connection, connection.transaction():
        told = await told_by(connection, mail_id)
        if all(alert.role is not None and can_see(alert.role, alert.type, own_key=alert.own_key) for alert in told):
            return False
        await connection.execute(NOTICES.notices_reopen, (mail_id,))
        await connection.execute(OUTBOX.mail_withdraw, (mail_id,))
    return True
