"""The guard of an organization: its row, locked."""

from typing import NamedTuple

from psycopg.rows import TupleRow

from domain.organizations.errors import OrganizationNotFound
from domain.plans.plan import KeyCounts, McpCounts, MemberCounts, PlanName, Plans
from eventstore.execute import Lock
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    guard_add: bytes
    guard_plan: bytes
    guard_count: bytes
    guard_lock: bytes


SQL = load(Queries, __file__)


class _Row(NamedTuple):
    plan: PlanName
    keys_active: int
    keys_disabled: int
    mcps: int
    members: int


def keys_guard(organization_id: str, plans: Plans) -> Lock[KeyCounts]:
    """Return a lock on the organization's counts until the change of one of its keys is committed."""

    def facts(row: TupleRow | None) -> KeyCounts:
        counts = _counts(row)
        return KeyCounts(counts.keys_active, counts.keys_disabled, plans[counts.plan].api_keys, counts.plan)

    return Lock(Statement(SQL.guard_lock, (organization_id,)), facts)


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
    return _Row(*row)
