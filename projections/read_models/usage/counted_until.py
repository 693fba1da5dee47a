"""The instant up to which uses are counted: the counts follow the log of uses."""

from datetime import datetime

from infrastructure.database.connections import Connection
from projections.engine.runner import usage_waits_since
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS


async def counted_until(connection: Connection, at: datetime) -> datetime:
    """Return the instant before which every use is counted: `at`, unless an earlier use waits to be counted."""
    waiting = [await usage_waits_since(connection, follower) for follower in (USAGE, ORGANIZATION_HOURS)]
    return min([at, *[since for since in waiting if since is not None]])
