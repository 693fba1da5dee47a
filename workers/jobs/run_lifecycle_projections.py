"""Job, every second: apply new lifecycle events to the outboxes, such as webhook messages and alert notices."""

from infrastructure.database.connections import Pool
from projections.registry import LIFECYCLE_PROJECTIONS
from workers.job import Job
from workers.job_runner import run_job
from workers.run_projections import run_all


def run_lifecycle_projections() -> None:
    run_job(prepare, irreversible=False)


JOB = Job(run_lifecycle_projections, every=1)


async def prepare(pool: Pool) -> None:
    await run_all(pool, LIFECYCLE_PROJECTIONS)
