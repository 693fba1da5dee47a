"""Every minute: who has a key that ends in 30, 14, 7 or 1 days is told so.

The alert moves its key on to the next stage in the same transaction (`projections/expiry_watch`): a worker that dies at
any line has told once or not yet.
"""

from domain.actor import SystemActor
from domain.alerts.expiry_stages import expiry_alert, latest_stage
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from projections.read_models.keys.expiry_schedule.queries import Expiring, due
from workers.due_keys import DueKeyTask, process_due
from workers.job import Job
from workers.job_runner import run_job
from workers.raise_alert import raise_alert

ACTOR = SystemActor("expiry-alerts")


def raise_expiry_alerts() -> None:
    run_job(warn)


JOB = Job(raise_expiry_alerts, every=60)


async def warn(pool: Pool) -> None:
    await process_due(pool, EXPIRY_ALERTS)


async def _tell(pool: Pool, key: Expiring) -> bool:
    at = now()
    # When several were missed only the last is told: that it was 14 days once helps nobody who has one.
    stage = latest_stage(key.expires_at, at)
    if stage is None:  # it has ended since it was looked up
        return False
    return await raise_alert(pool, ACTOR, expiry_alert(key.key_id, key.organization_id, key.expires_at, stage, at))


EXPIRY_ALERTS = DueKeyTask(actor=ACTOR, due=due, step=_tell)
