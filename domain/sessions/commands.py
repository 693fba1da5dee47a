"""Commands on a session."""

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
    """End a session. `user_id` is the caller, who can end only their own sessions."""

    user_id: str
    reason: EndReason
    at: datetime


SessionCommand = StartSession | EndSession
