"""What can happen to the session of a person who signed in. The law of `domain/keys/events.py` holds here too.

That a session runs out is no event: `expires_at` says when it ends at the latest, and an idle one ends before.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Method = Literal["link", "openid", "invitation"]
"""How the person proved who they are: a link in a mail, an OpenID provider, the link of an accepted invitation."""

EndReason = Literal["signed_out", "ended_elsewhere"]
"""By the session itself, or by another session of the same person."""


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
