"""Every hour: the usage log has a partition for today and for each day of the week ahead."""

from datetime import timedelta

from eventstore.clock import now
from eventstore.database import Pool
from eventstore.queries import SQL
from workers.run import run

DAYS_AHEAD = 7


def make_partitions() -> None:
    run(ensure, irreversible=False)


async def ensure(pool: Pool) -> None:
    today = now().date()
    async with pool.connection() as connection:
        for days in range(DAYS_AHEAD + 1):
            await connection.execute(SQL.usage_partition_ensure, (today + timedelta(days=days),))
