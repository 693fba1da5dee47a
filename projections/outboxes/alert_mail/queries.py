"""Queries on the alert notices that wait for a mail."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from domain.alerts.events import AlertType, Number, Severity
from domain.members.events import Role
from domain.members.notifications import Notifications
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load


class Queries(NamedTuple):
    people_of: bytes
    creators_of: bytes
    notices_add: bytes
    notices_due: bytes
    recipient: bytes
    notices_claim: bytes
    notices_settle: bytes
    notices_of_mail: bytes
    notices_reopen: bytes
    notices_forget: bytes


SQL = load(Queries, __file__)

_notifications: msgspec.json.Decoder[Notifications] = msgspec.json.Decoder(Notifications)
_numbers: msgspec.json.Decoder[dict[str, Number]] = msgspec.json.Decoder(dict[str, Number])


class Person(NamedTuple):
    organization_id: str
    user_id: str
    role: Role
    notifications: Notifications


class Recipient(NamedTuple):
    """A member at the time when a mail is written. `organization` is the name of the organization."""

    organization: str
    email: str
    role: Role
    notifications: Notifications
    organization_id: str


class Notice(NamedTuple):
    """An alert for a recipient. `own_key`: it is about a key that the recipient created."""

    alert_id: str
    type: AlertType
    severity: Severity
    raised_at: datetime
    numbers: dict[str, Number]
    acknowledged: bool
    key_id: str | None
    key_name: str | None
    key_prefix: str | None
    own_key: bool


class MailedAlert(NamedTuple):
    """An alert in a mail that was written, with the current data of its recipient.

    `role` is None if they were removed.
    """

    role: Role | None
    type: AlertType
    own_key: bool


async def people_of(connection: Connection, organizations: Sequence[str]) -> list[Person]:
    cursor = await connection.execute(SQL.people_of, (list(organizations),))
    return [
        Person(organization_id, user_id, role, _chosen(chosen))
        for organization_id, user_id, role, chosen in await cursor.fetchall()
    ]


async def creators_of(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Return the creator of each key: the id of a user or of a key."""
    cursor = await connection.execute(SQL.creators_of, (list(keys),))
    return {key_id: maker for key_id, maker in await cursor.fetchall()}  # noqa: C416 -- rows are untyped tuples


async def due(connection: Connection, after: str, quiet_since: datetime, limit: int) -> list[str]:
    """Return the users after `after` with waiting notices but no mail since `quiet_since`, ordered by id."""
    cursor = await connection.execute(SQL.notices_due, (after, quiet_since, limit))
    return [user_id for (user_id,) in await cursor.fetchall()]


async def recipient(connection: Connection, user_id: str) -> Recipient | None:
    """Return the recipient, or None if they were removed or their address was erased."""
    row = await (await connection.execute(SQL.recipient, (user_id,))).fetchone()
    if row is None:
        return None
    organization, email, role, chosen, organization_id = row
    return Recipient(organization, email, role, _chosen(chosen), organization_id)


async def claim(connection: Connection, user_id: str, limit: int) -> list[Notice]:
    """Return the notices of a user, and lock them until the transaction ends."""
    cursor = await connection.execute(SQL.notices_claim, (user_id, limit))
    return [
        Notice(alert_id, kind, severity, raised_at, _numbers.decode(bytes(numbers)), *others)
        for alert_id, kind, severity, raised_at, numbers, *others in await cursor.fetchall()
    ]


def settle(user_id: str, alerts: Sequence[str], at: datetime, mail_id: str | None) -> Statement:
    return Statement(SQL.notices_settle, (at, mail_id, user_id, list(alerts)))


async def alerts_in_mail(connection: Connection, mail_id: str) -> list[MailedAlert]:
    """Return the alerts in a mail. The list is empty for a mail that is not about alerts."""
    cursor = await connection.execute(SQL.notices_of_mail, (mail_id,))
    return [MailedAlert(*row) for row in await cursor.fetchall()]


def _chosen(column: bytes | None) -> Notifications:
    """Return the preferences, or the defaults of the role if the column is empty."""
    return Notifications() if column is None else _notifications.decode(bytes(column))
