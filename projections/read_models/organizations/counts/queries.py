"""The guard of an organization: its row, locked.

Every change in an organization locks the row first. Therefore a deletion waits for the changes that run, and all later
ones are refused.
"""

from typing import NamedTuple

from psycopg.rows import TupleRow

from domain.organization_status import OrganizationStatus
from domain.organizations.errors import OrganizationIsDeleted, OrganizationNotFound
from domain.plans.plan import KeyCounts, McpCounts, MemberCounts, PlanName, Plans
from eventstore.execute import Lock
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    guard_add: bytes
    guard_plan: bytes
    guard_status: bytes
    guard_count: bytes
    guard_read: bytes
    guard_lock: bytes


SQL = load(Queries, __file__)


class _Row(NamedTuple):
    plan: PlanName
    keys_active: int
    keys_disabled: int
    mcps: int
    members: int
    status: OrganizationStatus


def admission(organization_id: str) -> Lock[None]:
    """Return the lock of changes that depend on no count. It refuses a deleted organization.

    An organization that is being created has no row yet. The lock is not shared: many changes that share it could delay
    a deletion or the revocation of a key without end.
    """

    def facts(row: TupleRow | None) -> None:
        if row is not None:
            _counts(row)

    return Lock(Statement(SQL.guard_lock, (organization_id,)), facts)


def deletion_guard(organization_id: str) -> Lock[None]:
    """Return the lock under which an organization is deleted, restored or erased, whatever its status is."""
    return Lock(Statement(SQL.guard_lock, (organization_id,)), lambda _: None)


def keys_guard(organization_id: str, plans: Plans) -> Lock[KeyCounts]:
    """Return a lock on the organization's counts until the change of one of its keys is committed."""

    def facts(row: TupleRow | None) -> KeyCounts:
        counts = _counts(row)
        return KeyCounts(counts.keys_active, counts.keys_disabled, plans[counts.plan].api_keys, counts.plan)

    return Lock(Statement(SQL.guard_lock, (organization_id,)), facts)


async def key_counts(connection: Connection, organization_id: str, plans: Plans) -> KeyCounts:
    """Return the same counts without a lock, to report what a change would do."""
    cursor = await connection.execute(SQL.guard_read, (organization_id,))
    return keys_guard(organization_id, plans).facts(await cursor.fetchone())


def mcps_guard(organization_id: str, plans: Plans) -> Lock[McpCounts]:
    """Return a lock on the organization's counts until the change of one of its MCP servers is committed."""

    def facts(row: TupleRow | None) -> McpCounts:
        counts = _counts(row)
        return McpCounts(counts.mcps, plans[counts.plan].mcps, counts.plan)

    return Lock(Statement(SQL.guard_lock, (organization_id,)), facts)


def members_guard(organization_id: str, plans: Plans) -> Lock[MemberCounts]:
    """Return a lock on the organization's counts until the change of one of its members is committed."""

    def facts(row: TupleRow | None) -> MemberCounts:
        counts = _counts(row)
        return MemberCounts(counts.members, plans[counts.plan].team_members, counts.plan)

    return Lock(Statement(SQL.guard_lock, (organization_id,)), facts)


def _counts(row: TupleRow | None) -> _Row:
    if row is None:
        raise OrganizationNotFound
    counts = _Row(*row)
    if counts.status != "active":
        raise OrganizationIsDeleted
    return counts
