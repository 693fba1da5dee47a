"""Decisions about a session."""

from typing import assert_never

from domain.decider import Decider, ImpossibleHistory
from domain.sessions.commands import EndSession, SessionCommand, StartSession
from domain.sessions.errors import SessionExists, SessionNotFound
from domain.sessions.events import SessionEnded, SessionEvent, SessionStarted
from domain.sessions.state import Ended, Open, SessionState


def decide(state: SessionState, command: SessionCommand) -> tuple[SessionEvent, ...]:
    match command:
        case StartSession():
            return _start(state, command)
        case EndSession():
            return _end(state, command)
        case _:
            assert_never(command)


def evolve(state: SessionState, event: SessionEvent) -> SessionState:
    match event, state:
        case SessionStarted(), None:
            return Open(
                id=event.session_id,
                organization_id=event.organization_id,
                user_id=event.user_id,
                method=event.method,
                started_at=event.started_at,
                expires_at=event.expires_at,
            )
        case SessionEnded(), Open():
            return Ended(state, event.ended_at)
        case _:
            raise ImpossibleHistory(event)


def _start(state: SessionState, command: StartSession) -> tuple[SessionEvent, ...]:
    if state is not None:
        raise SessionExists
    return (
        SessionStarted(
            session_id=command.session_id,
            organization_id=command.organization_id,
            user_id=command.user_id,
            method=command.method,
            started_at=command.at,
            expires_at=command.expires_at,
        ),
    )


def _end(state: SessionState, command: EndSession) -> tuple[SessionEvent, ...]:
    match state:
        case Open() if state.user_id == command.user_id:
            return (SessionEnded(reason=command.reason, ended_at=command.at),)
        case Ended() if state.session.user_id == command.user_id:
            return ()
        case _:
            raise SessionNotFound


SESSION: Decider[SessionState, SessionCommand, SessionEvent] = Decider(
    kind="session", initial=None, decide=decide, evolve=evolve, event_types=(SessionStarted, SessionEnded)
)
