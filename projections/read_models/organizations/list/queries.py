"""Queries on the organization list."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.rows import TupleRow

from domain.organizations.events import Settings
from domain.plans.plan import PlanName
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load


class Queries(NamedTuple):
    organization_put: bytes
    by_slug: bytes
    page_after: bytes
    detail: bytes
    to_erase: bytes


SQL = load(Queries, __file__)

_settings_decoder: msgspec.json.Decoder[Settings] = msgspec.json.Decoder(Settings)


class OrganizationDetail(NamedTuple):
    """An organization, and its counts of what the plan limits."""

    organization_id: str
    name: str
    slug: str
    description: str
    settings: Settings
    plan: PlanName
    created_at: datetime
    revision: int
    mcps: int
    api_keys: int
    team_members: int
    deleted_at: datetime | None = None
    restorable_until: datetime | None = None
    erased_at: datetime | None = None


async def organization_of(connection: Connection, organization_id: str) -> OrganizationDetail | None:
    row = await (await connection.execute(SQL.detail, (organization_id,))).fetchone()
    return None if row is None else _detail(row)


async def id_of_slug(connection: Connection, slug: str) -> str | None:
    row = await (await connection.execute(SQL.by_slug, (slug,))).fetchone()
    return None if row is None else str(row[0])


async def page_after(connection: Connection, organization_id: str, limit: int) -> list[OrganizationDetail]:
    """Return organizations in the order of their creation, after `organization_id`, for operators."""
    cursor = await connection.execute(SQL.page_after, (organization_id, limit))
    return [_detail(row) for row in await cursor.fetchall()]


async def to_erase(connection: Connection, at: datetime, limit: int) -> list[str]:
    """Return the ids of some organizations that can no longer be restored at `at`, in the order of their deletion."""
    return [row[0] for row in await (await connection.execute(SQL.to_erase, (at, limit))).fetchall()]


def _detail(row: TupleRow) -> OrganizationDetail:
    found = OrganizationDetail(*row)
    return found._replace(settings=_settings_decoder.decode(bytes(row[4])))
