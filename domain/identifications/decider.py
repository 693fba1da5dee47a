"""Decisions about an identification: it is recorded once."""

from domain.decider import Decider, ImpossibleHistory
from domain.identifications.commands import IdentificationCommand
from domain.identifications.errors import IdentificationExists
from domain.identifications.events import IdentificationEvent, KeyIdentified
from domain.identifications.state import Identification, IdentificationState


def decide(state: IdentificationState, command: IdentificationCommand) -> tuple[IdentificationEvent, ...]:
    if state is not None:
        raise IdentificationExists
    return (
        KeyIdentified(
            identification_id=command.identification_id,
            organization_id=command.organization_id,
            key_id=command.key_id,
            secret_version=command.secret_version,
            identified_at=command.at,
        ),
    )


def evolve(state: IdentificationState, event: IdentificationEvent) -> IdentificationState:
    if state is not None:
        raise ImpossibleHistory(event)
    return Identification(
        id=event.identification_id,
        organization_id=event.organization_id,
        key_id=event.key_id,
        secret_version=event.secret_version,
        identified_at=event.identified_at,
    )


IDENTIFICATION: Decider[IdentificationState, IdentificationCommand, IdentificationEvent] = Decider(
    kind="identification", initial=None, decide=decide, evolve=evolve, event_types=(KeyIdentified,)
)
