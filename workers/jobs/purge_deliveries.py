"""Job, every minute: delete webhook messages and their responses after 30 days."""

from datetime import timedelta
from time import monotonic

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from projections.outboxes.webhooks.queries import SQL
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job

KEPT_FOR = timedelta(days=30)


def purge_deliveries() -> None:
    run_job(forget)


JOB = Job(purge_deliveries, every=60)


async def forget(pool: Pool) -> None:
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as connection:
        while monotonic() < deadline:
            cursor = await connection.execute(SQL.deliveries_forget, (now() - KEPT_FOR,))
            if cursor.rowcount == 0:
                return
