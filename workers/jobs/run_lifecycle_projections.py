"""Every second: what follows from changes, such as whom to tell of an alert, is put where it waits to be sent."""

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
