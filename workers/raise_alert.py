"""Raise an alert once, even if several workers find its reason repeatedly."""

from collections.abc import Sequence

from domain.actor import SystemActor
from domain.alerts.commands import RaiseAlert
from domain.alerts.decider import ALERT
from domain.organizations.errors import OrganizationIsDeleted
from eventstore.recorded import Origin
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from projections.commands import commands_on


async def raise_alert(
    pool: Pool, by: SystemActor, alert: RaiseAlert, extra_statements: Sequence[Statement] = ()
) -> bool:
    """Return whether the alert is new. `extra_statements` run in its transaction in either case.

    An organization that was deleted in the meantime gets no alert. Raises `Unavailable`.
    """
    try:
        change = await commands_on(pool).run(
            ALERT,
            alert.alert_id,
            alert.organization_id,
            alert,
            origin=Origin(by),
            at=alert.at,
            extra_statements=extra_statements,
        )
    except OrganizationIsDeleted:
        return False
    return bool(change.events)
