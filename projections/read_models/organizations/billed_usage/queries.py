"""Queries on quotas."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast

from psycopg.pq.abc import PGresult

from domain.organization_status import OrganizationStatus
from domain.plans.plan import PlanName
from domain.usage.quota import month_of
from infrastructure.database.connections import Connection
from infrastructure.database.prepared import Call, PreparedStatement, as_integer, as_text, bytea_array
from infrastructure.database.statements import load


class Queries(NamedTuple):
    billed_usage: bytes
    used: bytes


SQL = load(Queries, __file__)

_BILLED_USAGE = PreparedStatement.of("billed_usage", SQL.billed_usage)


class BilledUsage(NamedTuple):
    """The plan and the status of an organization, and its billed uses of this month."""

    organization_id: str
    plan: PlanName
    status: OrganizationStatus
    used: int


def billed_usage(digests: Sequence[bytes], at: datetime) -> Call:
    """Return the look-up of the organizations that any of these secrets belong to, for `read_billed_usage`."""
    return _BILLED_USAGE.call(month_of(at).isoformat().encode(), bytea_array(digests))


def read_billed_usage(found: PGresult) -> list[BilledUsage]:
    """Return the rows of `billed_usage`, one for each organization."""
    value = found.get_value
    return [
        BilledUsage(
            as_text(value(row, 0)),
            cast("PlanName", as_text(value(row, 1))),
            cast("OrganizationStatus", as_text(value(row, 2))),
            as_integer(value(row, 3)),
        )
        for row in range(found.ntuples)
    ]


async def used_in_month(connection: Connection, organization_id: str, at: datetime) -> int:
    """Return the billed uses of an organization in the calendar month (UTC) of `at`, up to this instant."""
    cursor = await connection.execute(SQL.used, (organization_id, month_of(at)))
    row = await cursor.fetchone()
    return 0 if row is None else row[0]
