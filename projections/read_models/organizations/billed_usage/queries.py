"""Queries on quotas."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.organization_status import OrganizationStatus
from domain.plans.plan import PlanName
from domain.usage.quota import month_of
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    billed_usage: bytes
    used: bytes


SQL = load(Queries, __file__)


class BilledUsage(NamedTuple):
    """The plan and the status of an organization, and its billed uses of this month."""

    organization_id: str
    plan: PlanName
    status: OrganizationStatus
    used: int


def billed_usage(digests: Sequence[bytes], at: datetime) -> Statement:
    """Return rows of `BilledUsage`, one for each organization that any of the secrets belong to."""
    return Statement(SQL.billed_usage, (month_of(at), digests))


async def used_in_month(connection: Connection, organization_id: str, at: datetime) -> int:
    """Return the billed uses of an organization in the calendar month (UTC) of `at`, up to this instant."""
    cursor = await connection.execute(SQL.used, (organization_id, month_of(at)))
    row = await cursor.fetchone()
    return 0 if row is None else row[0]
