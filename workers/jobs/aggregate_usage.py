"""Every second: new uses are counted, and keys move up in the order of their last use."""

from eventstore.database import Pool
from projections.followers import OF_USES
from workers.following import follow_all
from workers.run import run


def aggregate_usage() -> None:
    run(aggregate, irreversible=False)


async def aggregate(pool: Pool) -> None:
    await follow_all(pool, OF_USES)
