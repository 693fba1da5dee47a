"""Decisions about an alert.

A command that would change nothing returns no event. The id of an alert is derived from its subject (`alert_id`). An
alert that is raised twice, after a crash or by two workers concurrently, is therefore recorded once.
"""

from typing import assert_never, get_args

from msgspec.structs import replace

from domain.alerts.commands import AcknowledgeAlert, AlertCommand, RaiseAlert
from domain.alerts.errors import AlertNotFound
from domain.alerts.events import AlertAcknowledged, AlertEvent, AlertRaised
from domain.alerts.state import Acknowledged, Alert, AlertState, Open
from domain.decider import Decider, ImpossibleHistory


def decide(state: AlertState, command: AlertCommand) -> tuple[AlertEvent, ...]:
    match command:
        case RaiseAlert():
            return () if state is not None else (_raised(command),)
        case AcknowledgeAlert():
            return _acknowledge(state, command)
        case _:
            assert_never(command)


def evolve(state: AlertState, event: AlertEvent) -> AlertState:
    match event:
        case AlertRaised():
            if state is not None:
                raise ImpossibleHistory(event)
            return Open(
                Alert(
                    id=event.alert_id,
                    organization_id=event.organization_id,
                    type=event.alert_type,
                    severity=event.severity,
                    raised_at=event.raised_at,
                    key_id=event.key_id,
                    numbers=event.numbers,
                    revision=1,
                )
            )
        case AlertAcknowledged():
            if not isinstance(state, Open):
                raise ImpossibleHistory(event)
            alert = replace(state.alert, revision=state.alert.revision + 1)
            return Acknowledged(alert, event.acknowledged_at, event.acknowledged_by)
        case _:
            assert_never(event)


def _raised(command: RaiseAlert) -> AlertRaised:
    return AlertRaised(
        alert_id=command.alert_id,
        organization_id=command.organization_id,
        alert_type=command.alert_type,
        severity=command.severity,
        raised_at=command.at,
        key_id=command.key_id,
        numbers=command.numbers,
    )


def _acknowledge(state: AlertState, command: AcknowledgeAlert) -> tuple[AlertEvent, ...]:
    match state:
        case None:
            raise AlertNotFound
        case Open():
            return (AlertAcknowledged(acknowledged_at=command.at, acknowledged_by=command.by),)
        case Acknowledged():
            return ()
        case _:
            assert_never(state)


ALERT: Decider[AlertState, AlertCommand, AlertEvent] = Decider(
    kind="alert", initial=None, decide=decide, evolve=evolve, event_types=get_args(AlertEvent)
)
