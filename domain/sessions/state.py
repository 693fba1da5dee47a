"""States of a session."""

from datetime import datetime

from msgspec import Struct

from domain.sessions.events import Method


class Open(Struct, frozen=True, tag_field="status", tag="open"):
    id: str
    organization_id: str
    user_id: str
    method: Method
    started_at: datetime
    expires_at: datetime


class Ended(Struct, frozen=True, tag_field="status", tag="ended"):
    session: Open
    ended_at: datetime


SessionState = Open | Ended | None
