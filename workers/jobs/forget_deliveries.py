"""Every minute: what webhooks were sent, and what they answered, is forgotten after 30 days."""

from datetime import timedelta
from time import monotonic

from eventstore.clock import now
from eventstore.database import Pool
from projections.webhook_outbox.queries import SQL
from workers.run import WORK_SECONDS, run

KEPT_FOR = timedelta(days=30)


def forget_deliveries() -> None:
    run(forget)


async def forget(pool: Pool) -> None:
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as connection:
        while monotonic() < deadline:
            cursor = await connection.execute(SQL.deliveries_forget, (now() - KEPT_FOR,))
            if cursor.rowcount == 0:
                return
