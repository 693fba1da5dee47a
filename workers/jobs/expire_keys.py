"""Every second: what has expired is recorded as expired. A key is refused from its instant on, event or no event."""

from domain.actor import EXPIRY as ACTOR
from domain.keys.commands import ExpireKey
from infrastructure.database.connections import Pool
from projections.read_models.keys.list.queries import expiring
from workers.due_keys import DueKeyTask, command_step, process_due
from workers.job import Job
from workers.job_runner import run_job

EXPIRY = DueKeyTask(actor=ACTOR, due=expiring, step=command_step(ACTOR, ExpireKey))


def expire_keys() -> None:
    run_job(expire)


JOB = Job(expire_keys, every=1)


async def expire(pool: Pool) -> None:
    await process_due(pool, EXPIRY)
