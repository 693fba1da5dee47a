"""Every minute: answers that no longer count are removed."""

from time import monotonic

from eventstore.clock import now
from eventstore.database import Pool
from eventstore.idempotency import KEPT_FOR
from eventstore.queries import SQL
from workers.run import WORK_SECONDS, run


def forget_idempotency_keys() -> None:
    run(forget)


async def forget(pool: Pool) -> None:
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as connection:
        while monotonic() < deadline:
            cursor = await connection.execute(SQL.idempotency_forget, (now() - KEPT_FOR,))
            if cursor.rowcount == 0:
                return
