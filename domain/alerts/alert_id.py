"""Deterministic alert ids: an alert about the same effect always gets the same id, from any worker."""

from datetime import datetime
from hashlib import sha256

from domain.ids import ENTROPY_BYTES, new_id


def alert_id(effect: str, at: datetime) -> str:
    """Return the id of the alert about `effect`, which is due at `at`.

    `effect` identifies one notification, such as "expiring key_… 2027-01-01 7".
    """
    return new_id("alert", unix_ms=int(at.timestamp() * 1000), entropy=sha256(effect.encode()).digest()[:ENTROPY_BYTES])
