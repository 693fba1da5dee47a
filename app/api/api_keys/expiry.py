"""Keys past their expiry count as expired from that instant on, also where a count still has them as active.

Counts follow what is recorded, and a worker records an expiry a moment after it, or later, when it is away. A plan's
limit must not count such a key, nor may it pass for the other active key that lets a key revoke itself.
"""

from datetime import datetime

from msgspec.structs import replace
from psycopg.rows import TupleRow

from app.services import Services
from domain.actor import EXPIRY
from domain.keys.commands import ExpireKey
from domain.keys.decider import KEY
from domain.plans.plan import KeyCounts, Plans
from eventstore.execute import LockAndQuery
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.clock import differs
from infrastructure.database.connections import Connection
from infrastructure.database.errors import Unavailable, Unconfirmed
from projections.read_models.keys.list.queries import overdue_active, overdue_keys
from projections.read_models.organizations.counts.queries import keys_guard

_PAGE = 100


async def expire_overdue_keys(services: Services, organization_id: str) -> bool:
    """Record the expiry of some keys that are past it, as the worker would; False: there was none.

    Nothing is recorded while the clock of this machine is wrong: an expiry cannot be taken back.
    """
    if differs():
        return False
    async with services.read_transaction(organization_id) as connection:
        due = await overdue_keys(connection, organization_id, now(), _PAGE)
    for key in due:
        expire = ExpireKey(now())
        try:
            await services.commands.run(
                KEY,
                key.key_id,
                organization_id,
                expire,
                origin=Origin(EXPIRY),
                at=expire.at,
                guard=keys_guard(organization_id, services.plans),
            )
        except Unconfirmed as error:
            # The unknown outcome concerns the expired key. Nothing was sent of the request itself.
            raise Unavailable from error
    return bool(due)


def unexpired_key_counts(organization_id: str, plans: Plans, at: datetime) -> LockAndQuery[KeyCounts]:
    """Locks the counts like `keys_guard`; those of the active keys that are past their expiry at `at` are set off."""
    guard = keys_guard(organization_id, plans)

    async def read(connection: Connection, row: TupleRow | None) -> KeyCounts:
        census = guard.facts(row)
        return replace(census, active=census.active - await overdue_active(connection, organization_id, at))

    return LockAndQuery(guard.statement, read)
