"""The clock and the entropy of this process, the only source of new ids and instants.

The clock is the machine's, corrected by its measured difference from the database's. Expiry, retirement and removal
therefore follow one clock, no matter which process decides.
"""

import os
from datetime import UTC, datetime, timedelta
from time import time_ns

from domain.ids import ENTROPY_BYTES, Kind, counted_ids
from domain.ids import new_id as id_from

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)


class _Correction:
    """The amount added to the machine's clock; zero until the database's clock has been read."""

    def __init__(self) -> None:
        self.by = _NONE


_correction = _Correction()


def own_now() -> datetime:
    """Return the present instant by the machine's clock alone. Only a comparison with the database's clock needs this.

    The instant is counted from a constant: under a frozen clock, `datetime.now` returns a subclass that msgspec does
    not encode.
    """
    return _EPOCH + timedelta(microseconds=time_ns() // 1_000)


def now() -> datetime:
    """Return the present instant by the database's clock, as far as this process knows it, UTC, to the microsecond."""
    return own_now() + _correction.by


def correct_by(difference: timedelta) -> None:
    """Add `difference` to the machine's clock from now on; a negative difference sets the clock back."""
    _correction.by = difference


def correction() -> timedelta:
    """Return the amount that is currently added to the machine's clock."""
    return _correction.by


def new_id(kind: Kind) -> str:
    return id_from(kind, unix_ms=_unix_ms(now()), entropy=os.urandom(ENTROPY_BYTES))


def new_event_id() -> str:
    return new_id("evt")


def new_event_ids(count: int, at: datetime) -> list[str]:
    """Return ids for `count` events of one instant (at most 1,024), which sort in the order returned.

    The ids of one call share a random part and end with a counter (`domain.ids.counted_ids`).
    """
    return counted_ids("evt", unix_ms=_unix_ms(at), entropy=os.urandom(ENTROPY_BYTES), count=count)


def _unix_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
