"""Projection of alerts to the notices of their recipients: a side effect, so no rebuild repeats it.

The members and their preferences are looked up when the event is applied, and again when the mail is written: members
who were removed in between get none.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from domain.alerts.events import AlertRaised
from domain.members.notifications import wants_mail
from eventstore.recorded import Recorded
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.engine.readers import lifecycle_reader
from projections.engine.runner import AsyncProjection
from projections.outboxes.alert_mail.queries import SQL, creators_of, people_of

WORTH_TELLING = timedelta(days=3)
"""Older alerts are not mailed. They waited while no worker ran, and the list of alerts contains them."""

_EVENTS_MAX = 200
"""The page size. Each alert is checked for every member of its organization."""


async def _apply(_connection: Connection, _page: Sequence[Recorded[Any]]) -> None:
    """Write nothing: this projection has only side effects."""


async def _note(connection: Connection, page: Sequence[Recorded[Any]]) -> None:
    at = now()
    raised = [each.event for each in page if isinstance(each.event, AlertRaised)]
    alerts = [alert for alert in raised if alert.raised_at > at - WORTH_TELLING]
    if not alerts:
        return
    people = await people_of(connection, sorted({alert.organization_id for alert in alerts}))
    makers = await creators_of(connection, sorted({alert.key_id for alert in alerts if alert.key_id is not None}))
    notices = [
        (alert.alert_id, person.user_id, alert.organization_id)
        for alert in alerts
        for person in people
        if person.organization_id == alert.organization_id
        and wants_mail(
            person.notifications,
            person.role,
            alert.alert_type,
            alert.severity,
            own_key=alert.key_id is not None and makers.get(alert.key_id) == person.user_id,
        )
    ]
    columns = [list(column) for column in zip(*notices, strict=True)] or [[], [], []]
    await connection.execute(SQL.notices_add, (at, *columns))


ALERT_NOTICES = AsyncProjection(
    name="alert_notices",
    version=1,
    log="lifecycle",
    read=lifecycle_reader(_EVENTS_MAX),
    apply=_apply,
    side_effects=_note,
)
