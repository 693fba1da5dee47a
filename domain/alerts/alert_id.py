"""The id of an alert follows from what it is about: the same effect has the same id, whoever raises it, and when."""

from datetime import datetime
from hashlib import sha256

from domain.ids import ENTROPY_BYTES, new_id


def alert_id(effect: str, at: datetime) -> str:
    """`effect` names what is to be told once, such as "expiring key_… 2027-01-01 7"; `at` is when it is due."""
    return new_id("alert", unix_ms=int(at.timestamp() * 1000), entropy=sha256(effect.encode()).digest()[:ENTROPY_BYTES])
