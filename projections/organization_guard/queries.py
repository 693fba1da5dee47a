"""The guard of an organization: its row, locked."""

from typing import NamedTuple

from psycopg.rows import TupleRow

from domain.organizations.errors import OrganizationNotFound
from domain.organizations.plan import KeyCensus, McpCensus, MemberCensus, PlanName, Plans
from eventstore.execute import Guard
from eventstore.statements import Statement, load


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


def keys_guard(organization_id: str, plans: Plans) -> Guard[KeyCensus]:
    """Locks the organization's counts until the change of one of its keys is committed."""

    def facts(row: TupleRow | None) -> KeyCensus:
        counts = _counts(row)
        return KeyCensus(counts.keys_active, counts.keys_disabled, plans[counts.plan].api_keys, counts.plan)

    return Guard(Statement(SQL.guard_lock, (organization_id,)), facts)


def mcps_guard(organization_id: str, plans: Plans) -> Guard[McpCensus]:
    """Locks the organization's counts until the change of one of its MCPs is committed."""

    def facts(row: TupleRow | None) -> McpCensus:
        counts = _counts(row)
        return McpCensus(counts.mcps, plans[counts.plan].mcps, counts.plan)

    return Guard(Statement(SQL.guard_lock, (organization_id,)), facts)


def members_guard(organization_id: str, plans: Plans) -> Guard[MemberCensus]:
    """Locks the organization's counts until the change of one of its members is committed."""

    def facts(row: TupleRow | None) -> MemberCensus:
        counts = _counts(row)
        return MemberCensus(counts.members, plans[counts.plan].team_members, counts.plan)

    return Guard(Statement(SQL.guard_lock, (organization_id,)), facts)


def _counts(row: TupleRow | None) -> _Row:
    if row is None:
        raise OrganizationNotFound
    return _Row(*row)
