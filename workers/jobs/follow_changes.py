"""Every second: what follows from changes, such as whom to tell of an alert, is put where it waits to be sent."""

from eventstore.database import Pool
from projections.followers import OF_CHANGES
from workers.following import follow_all
from workers.run import run


def follow_changes() -> None:
    run(prepare, irreversible=False)


async def prepare(pool: Pool) -> None:
    await follow_all(pool, OF_CHANGES)
