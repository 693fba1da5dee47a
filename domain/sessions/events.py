"""Events of a person's session. The evolution rules in `domain/keys/events.py` apply here too.

Expiry is not an event: a session ends at `expires_at` at the latest, and earlier if it is idle.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Method = Literal["link", "openid", "invitation"]
"""The method of authentication: a mailed link, an OpenID provider, or the link of an accepted invitation."""

EndReason = Literal["signed_out", "ended_elsewhere"]
"""Ended by the session itself, or by another session of the same person."""


class SessionStarted(Struct, frozen=True, tag_field="type", tag="session.started"):
    session_id: str
    organization_id: str
    user_id: str
    method: Method
    started_at: datetime
    expires_at: datetime


class SessionEnded(Struct, frozen=True, tag_field="type", tag="session.ended"):
    reason: EndReason
    ended_at: datetime


SessionEvent = SessionStarted | SessionEnded
