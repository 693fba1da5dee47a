"""Handling of keys that have expired but whose expiry is not recorded yet.

A key is expired from its expiry time on, but counts follow recorded events, and a worker records an expiry only
afterwards: a moment later, or much later if no worker runs. An unrecorded expiry must not count towards a plan's limit.
Nor may such a key count as the other active key that allows a key to revoke itself.
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
from infrastructure.deadline import with_deadline
from projections.read_models.keys.list.queries import overdue_active, overdue_keys
from projections.read_models.organizations.counts.queries import keys_guard

_PAGE = 100


async def expire_overdue_keys(services: Services, organization_id: str) -> bool:
    """Record the expiry of some overdue keys, as the worker would. Return False if there was none.

    Nothing is recorded while the clock of this machine is wrong, because an expiry cannot be undone. The deadline is
    the one that a single change has (`eventstore/settle.py`).
    """
    if differs():
        return False
    return await with_deadline(2 * services.config.request_timeout_seconds, _expire(services, organization_id))


async def _expire(services: Services, organization_id: str) -> bool:
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
            # The unknown outcome concerns the expired key. The request's own change was not sent.
            raise Unavailable from error
    return bool(due)


def unexpired_key_counts(organization_id: str, plans: Plans, at: datetime) -> LockAndQuery[KeyCounts]:
    """Lock the counts like `keys_guard`, and subtract the active keys that are past their expiry at `at`."""
    guard = keys_guard(organization_id, plans)

    async def read(connection: Connection, row: TupleRow | None) -> KeyCounts:
        counts = guard.facts(row)
        return replace(counts, active=counts.active - await overdue_active(connection, organization_id, at))

    return LockAndQuery(guard.statement, read)
