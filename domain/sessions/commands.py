"""What can be asked of a session."""

from datetime import datetime

from msgspec import Struct

from domain.sessions.events import EndReason, Method


class StartSession(Struct, frozen=True):
    session_id: str
    organization_id: str
    user_id: str
    method: Method
    at: datetime
    expires_at: datetime


class EndSession(Struct, frozen=True):
    """`user_id`: the person who asks. Nobody ends the session of someone else."""

    user_id: str
    reason: EndReason
    at: datetime


SessionCommand = StartSession | EndSession
