"""Job, every hour: create the partitions of the usage log for today and the next seven days."""

from datetime import timedelta

from eventstore.queries import SQL
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from workers.job import Job
from workers.job_runner import run_job

DAYS_AHEAD = 7


def create_partitions() -> None:
    run_job(ensure, irreversible=False)


JOB = Job(create_partitions, every=3_600)


async def ensure(pool: Pool) -> None:
    today = now().date()
    async with pool.connection() as connection:
        for days in range(DAYS_AHEAD + 1):
            await connection.execute(SQL.usage_partition_ensure, (today + timedelta(days=days),))
