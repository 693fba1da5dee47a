"""A worker that hangs in a job does not stop the others."""

import os
import signal
from datetime import timedelta

import psycopg
import pytest

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, wait_for_an_expiry, wait_for_expiry
from tests.workers.valkey_view import View

pytestmark = pytest.mark.anyio


async def test_a_hanging_worker_does_not_stop_the_others(
    connections: Pool, database_url: str, start: Start, view: View
) -> None:
    start("run", workers=2)
    start("schedule")
    organization_id = await seed.organization(connections)
    await wait_for_an_expiry(connections, organization_id)
    hanging: list[int] = []

    async def one_hangs() -> bool:
        hanging[:] = view.pids_running("expire_keys")
        for pid in hanging[:1]:
            os.kill(pid, signal.SIGSTOP)
        return bool(hanging)

    key_id, _ = await seed.key(connections, organization_id, expires_at=now() + timedelta(seconds=1))
    with psycopg.connect(database_url) as owner:
        owner.execute("lock table key_list in access exclusive mode")
        await eventually(one_hangs)
    await wait_for_expiry(connections, organization_id, key_id)
    os.kill(hanging[0], signal.SIGCONT)
    await wait_for_an_expiry(connections, organization_id)
