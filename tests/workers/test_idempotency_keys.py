from datetime import timedelta

import pytest
from freezegun import freeze_time

from eventstore.idempotency import KEPT_FOR, IdempotentRequest, StoredResponse
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests.workers.log_view import number
from workers.jobs.purge_idempotency_keys import forget

pytestmark = pytest.mark.anyio


async def test_stored_responses_are_deleted_after_a_day(connections: Pool) -> None:
    with freeze_time("2026-03-01 12:00:00", real_asyncio=True) as clock:
        async with connections.connection() as connection:
            await connection.execute(b"select set_config('keyledger.organization_id', 'org_a', false)")
            for name in ("first", "second"):
                await connection.execute(
                    *IdempotentRequest("caller", name, b"").store(StoredResponse(200, b"{}"), now())
                )
                clock.tick(timedelta(hours=1))
            clock.tick(KEPT_FOR - timedelta(hours=2))
            await forget(connections)
            assert await number(connection, b"select count(*) from idempotency_keys") == 1
            clock.tick(timedelta(hours=1))
            await forget(connections)
            assert await number(connection, b"select count(*) from idempotency_keys") == 0
