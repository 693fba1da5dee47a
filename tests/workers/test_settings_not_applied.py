"""Behind a pooler that drops startup parameters, workers change nothing and log the reason."""

from datetime import timedelta
from pathlib import Path

import pytest

from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.eventstore.stripping_proxy import stripping_proxy
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, history, wait_for_expiry
from tests.workers.valkey_view import View

pytestmark = pytest.mark.anyio


def logs(folder: Path) -> str:
    return "".join(log.read_text() for log in folder.glob("*.log"))


async def test_a_worker_changes_nothing_and_logs_the_reason(
    connections: Pool, start: Start, view: View, database_url: str, tmp_path: Path
) -> None:
    organization_id = await seed.organization(connections)
    at = now()
    key_id, _ = await seed.key(
        connections, organization_id, at=at - timedelta(hours=2), expires_at=at - timedelta(hours=1)
    )

    async def reason_is_logged() -> bool:
        log = logs(tmp_path)
        assert "Traceback" not in log, log
        return "connection_settings_not_applied" in log

    with stripping_proxy(database_url) as url:
        workers = [start("run", DATABASE_URL=url), start("schedule", DATABASE_URL=url)]
        await eventually(reason_is_logged)
        assert len(await history(connections, organization_id, key_id)) == 1
        for each in workers:
            each.terminate()
            each.wait(60)
    start("run")
    start("schedule")
    await wait_for_expiry(connections, organization_id, key_id)
