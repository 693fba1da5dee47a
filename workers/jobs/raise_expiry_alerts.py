"""Job, every minute: raise an alert 30, 14, 7 and 1 days before a key expires.

The transaction of the alert also moves the key to its next stage (`projections/read_models/keys/expiry_schedule`).
Therefore a worker that dies at any line has raised the alert either once or not yet.
"""

from domain.actor import EXPIRY_ALERTS
from domain.alerts.expiry_stages import expiry_alert, latest_stage
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.read_models.keys.expiry_schedule.queries import Expiring, due
from workers.due_keys import DueKeyTask, Worker, process_due
from workers.job import Job
from workers.job_runner import run_job_with_config
from workers.raise_alert import raise_alert


def raise_expiry_alerts() -> None:
    run_job_with_config(warn)


JOB = Job(raise_expiry_alerts, every=60)


async def warn(pool: Pool, config: Settings) -> None:
    await process_due(Worker(pool, config.plans), ALERTS_DUE)


async def _raise(worker: Worker, key: Expiring) -> bool:
    at = now()
    # If several stages were missed, only the last one is reported, because the earlier ones are no longer true.
    stage = latest_stage(key.expires_at, at)
    if stage is None:  # the key has expired since it was read
        return False
    alert = expiry_alert(key.key_id, key.organization_id, key.expires_at, stage, at)
    return await raise_alert(worker.pool, EXPIRY_ALERTS, alert)


ALERTS_DUE = DueKeyTask(actor=EXPIRY_ALERTS, due=due, step=_raise)
