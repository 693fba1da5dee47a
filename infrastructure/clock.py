"""The clock and the entropy of this process: the only place where ids and instants come from outside.

The clock is that of the machine, corrected by how far the database's was seen to be from it: whatever expires, is
retired, forgotten or removed goes by one clock, whichever process decides it.
"""

import os
from datetime import UTC, datetime, timedelta
from time import time_ns

from domain.ids import ENTROPY_BYTES, Kind, new_ids
from domain.ids import new_id as id_from

_TAIL_BYTES = ENTROPY_BYTES - 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)


class _Correction:
    """How much is added to what the machine says; nothing until the database's clock was looked at."""

    def __init__(self) -> None:
        self.by = _NONE


_correction = _Correction()


def own_now() -> datetime:
    """Return the present instant by the machine alone. Only a comparison with the database's clock needs this.

    Counted from a constant: under a frozen clock `datetime.now` gives a subclass, which msgspec does not encode.
    """
    return _EPOCH + timedelta(microseconds=time_ns() // 1_000)


def now() -> datetime:
    """Return the present instant by the database's clock, as far as this process knows it, UTC, to the microsecond."""
    return own_now() + _correction.by


def correct_by(difference: timedelta) -> None:
    """From now on the present is so much later than the machine says; earlier, where `difference` is negative."""
    _correction.by = difference


def correction() -> timedelta:
    """Return what is added to the machine's clock at the moment."""
    return _correction.by


def new_id(kind: Kind) -> str:
    return id_from(kind, unix_ms=_unix_ms(now()), entropy=os.urandom(ENTROPY_BYTES))


def new_event_id() -> str:
    return new_id("evt")


def new_event_ids(count: int, at: datetime) -> list[str]:
    """Ids for `count` events of one instant (at most 1,024) that sort in this order.

    The leading random bits of each id count up instead (RFC 9562 §6.2, method 1).
    """
    entropy = os.urandom(_TAIL_BYTES * count)
    entropies = [
        ordinal.to_bytes(2, "big") + entropy[ordinal * _TAIL_BYTES : (ordinal + 1) * _TAIL_BYTES]
        for ordinal in range(count)
    ]
    return new_ids("evt", unix_ms=_unix_ms(at), entropies=entropies)


def _unix_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
