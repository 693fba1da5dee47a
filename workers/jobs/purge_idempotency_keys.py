"""Job, every minute: delete expired responses to Idempotency-Keys."""

from time import monotonic

from eventstore.idempotency import KEPT_FOR
from eventstore.queries import SQL
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job


def purge_idempotency_keys() -> None:
    run_job(forget)


JOB = Job(purge_idempotency_keys, every=60)


async def forget(pool: Pool) -> None:
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as connection:
        while monotonic() < deadline:
            cursor = await connection.execute(SQL.idempotency_forget, (now() - KEPT_FOR,))
            if cursor.rowcount == 0:
                return
