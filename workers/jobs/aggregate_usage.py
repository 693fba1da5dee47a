"""Job, every second: count new uses, and sort keys by their last use."""

from infrastructure.database.connections import Pool
from projections.registry import USAGE_PROJECTIONS
from workers.job import Job
from workers.job_runner import run_job
from workers.run_projections import run_all


def aggregate_usage() -> None:
    run_job(aggregate, irreversible=False)


JOB = Job(aggregate_usage, every=1, isolated=True)


async def aggregate(pool: Pool) -> None:
    await run_all(pool, USAGE_PROJECTIONS)
