"""What is asked of the warnings about quotas."""

from datetime import date
from typing import NamedTuple

from domain.plans.plan import PlanName
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    standings: bytes
    warned: bytes


SQL = load(Queries, __file__)


class Standing(NamedTuple):
    """What an organization used this month; `told`: quota and stage of each warning that it had."""

    organization_id: str
    plan: PlanName
    used: int
    told: frozenset[tuple[int, int]]


async def standings(connection: Connection, month: date) -> list[Standing]:
    cursor = await connection.execute(SQL.standings, (month,))
    return [
        Standing(organization_id, plan, used, frozenset((quota, stage) for quota, stage in told))
        for organization_id, plan, used, told in await cursor.fetchall()
    ]


def warned(organization_id: str, month: date, quota: int, stage: int) -> Statement:
    return Statement(SQL.warned, (organization_id, month, quota, stage))
