"""Job, every second: record the expiry of keys.

A key is refused from its expiry on, even before the event is recorded.
"""

from domain.actor import EXPIRY
from domain.keys.commands import ExpireKey
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.read_models.keys.list.queries import expiring
from workers.due_keys import DueKeyTask, Worker, command_step, process_due
from workers.job import Job
from workers.job_runner import run_job_with_config

KEYS_EXPIRING = DueKeyTask(actor=EXPIRY, due=expiring, step=command_step(EXPIRY, ExpireKey))


def expire_keys() -> None:
    run_job_with_config(expire)


JOB = Job(expire_keys, every=1)


async def expire(pool: Pool, config: Settings) -> None:
    await process_due(Worker(pool, config.plans), KEYS_EXPIRING)
