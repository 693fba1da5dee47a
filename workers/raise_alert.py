"""Raises alerts: once each, whoever finds the reason, and however often."""

from collections.abc import Sequence

from domain.actor import SystemActor
from domain.alerts.commands import RaiseAlert
from domain.alerts.decider import ALERT
from eventstore.execute import Write, execute, no_guard
from eventstore.idempotency import StoredResponse
from eventstore.recorded import Origin
from infrastructure.clock import new_event_id
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from projections.engine.inline import INLINE


async def raise_alert(pool: Pool, by: SystemActor, alert: RaiseAlert, also: Sequence[Statement] = ()) -> bool:
    """Whether it is new. `also` is carried out in the same transaction, new or not. Raises `Unavailable`."""
    write = Write(
        decider=ALERT,
        stream_id=alert.alert_id,
        organization_id=alert.organization_id,
        command=lambda _: alert,
        guard=no_guard(),
        at=alert.at,
        origin=Origin(by),
        new_event_id=new_event_id,
        extra_statements=lambda _: also,
    )
    change = await execute(pool, write, INLINE)
    return not isinstance(change, StoredResponse) and bool(change.events)
