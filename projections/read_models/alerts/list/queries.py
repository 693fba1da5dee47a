"""Queries on the alert list."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct
from psycopg.rows import TupleRow

from domain.actor import Actor
from domain.alerts.events import AlertType, Number, Severity
from domain.alerts.state import Acknowledged, Alert, ExistingAlert, Open
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load

Status = Literal["open", "acknowledged"]

OPEN_COUNT_MAX = 1_000


class Queries(NamedTuple):
    alert_put: bytes
    alert_page: bytes
    alert_count: bytes
    alert_open_count: bytes
    alert_by_id: bytes


SQL = load(Queries, __file__)

_encoder = msgspec.json.Encoder(order="deterministic")
_numbers = msgspec.json.Decoder(dict[str, Number])
_actor: msgspec.json.Decoder[Actor] = msgspec.json.Decoder(Actor)


class Filters(Struct, frozen=True):
    type: AlertType | None = None
    severity: Severity | None = None
    key_id: str | None = None
    status: Status | None = None


def alert_put(state: ExistingAlert) -> Statement:
    """Return the statement that writes the whole row of an alert."""
    alert = state.alert
    acknowledged = state if isinstance(state, Acknowledged) else None
    return Statement(
        SQL.alert_put,
        (
            alert.id,
            alert.organization_id,
            alert.type,
            alert.severity,
            alert.key_id,
            _encoder.encode(alert.numbers),
            alert.raised_at,
            None if acknowledged is None else acknowledged.acknowledged_at,
            None if acknowledged is None else _encoder.encode(acknowledged.acknowledged_by),
            alert.revision,
        ),
    )


async def alerts(
    connection: Connection,
    organization_id: str,
    filters: Filters,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
    offset: int = 0,
) -> list[ExistingAlert]:
    """Return alerts, newest first, after `after` (instant and id of the last one seen) or after the first `offset`."""
    at, last_id = (None, None) if after is None else after
    page = {"at": at, "id": last_id, "limit": limit, "offset": offset}
    cursor = await connection.execute(SQL.alert_page, _narrowed(organization_id, filters) | page)
    return [_alert(row) for row in await cursor.fetchall()]


async def count(connection: Connection, organization_id: str, filters: Filters, most: int) -> int:
    """Return how many alerts match, counting no further than `most`."""
    cursor = await connection.execute(SQL.alert_count, _narrowed(organization_id, filters) | {"most": most})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def open_count(connection: Connection, organization_id: str) -> int:
    """Return the number of open alerts, counting no further than `OPEN_COUNT_MAX`."""
    cursor = await connection.execute(SQL.alert_open_count, (organization_id, OPEN_COUNT_MAX))
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


def _narrowed(organization_id: str, filters: Filters) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "type": filters.type,
        "severity": filters.severity,
        "key_id": filters.key_id,
        "acknowledged": None if filters.status is None else filters.status == "acknowledged",
    }


async def alert_of(connection: Connection, alert_id: str, organization_id: str) -> ExistingAlert | None:
    cursor = await connection.execute(SQL.alert_by_id, (alert_id, organization_id))
    row = await cursor.fetchone()
    return None if row is None else _alert(row)


def _alert(row: TupleRow) -> ExistingAlert:
    alert_id, organization_id, kind, severity, key_id, numbers, raised_at, acknowledged_at, by, revision = row
    alert = msgspec.convert(
        {
            "id": alert_id,
            "organization_id": organization_id,
            "type": kind,
            "severity": severity,
            "raised_at": raised_at,
            "key_id": key_id,
            "numbers": _numbers.decode(bytes(numbers)),
            "revision": revision,
        },
        Alert,
    )
    if acknowledged_at is None:
        return Open(alert)
    return Acknowledged(alert, acknowledged_at, _actor.decode(bytes(by)))
