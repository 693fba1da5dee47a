"""Queries for quota alerts: the usage of each organization, and the alerts that were sent."""

from datetime import date
from typing import NamedTuple

from domain.plans.plan import PlanName
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    usage_and_alerts: bytes
    record_alert: bytes


SQL = load(Queries, __file__)


class QuotaUsage(NamedTuple):
    """The usage of an organization in a month. `alerted` has the quota and stage of each alert that was sent."""

    organization_id: str
    plan: PlanName
    used: int
    alerted: frozenset[tuple[int, int]]


async def usage_and_alerts(connection: Connection, month: date) -> list[QuotaUsage]:
    """Return one row for each organization with usage in the month."""
    cursor = await connection.execute(SQL.usage_and_alerts, (month,))
    return [
        QuotaUsage(organization_id, plan, used, frozenset((quota, stage) for quota, stage in alerted))
        for organization_id, plan, used, alerted in await cursor.fetchall()
    ]


def record_alert(organization_id: str, month: date, quota: int, stage: int) -> Statement:
    return Statement(SQL.record_alert, (organization_id, month, quota, stage))
