"""The clock of the database, which decides everything that cannot be undone.

The machine's clock is read before and after the database's. If the database's instant lies between these two, no
difference can be shown and nothing is corrected: a slow response is not a difference. Otherwise the correction is the
smallest one that explains the reading.
"""

from datetime import datetime, timedelta

from psycopg.pq.abc import PGresult

from infrastructure.clock import correct_by, correction, own_now
from infrastructure.database.connections import Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.prepared import Call, PreparedStatement, as_instant
from infrastructure.database.queries import SQL

_CLOCK = PreparedStatement.of("clock", SQL.clock)

DIFFERENCE_MAX = timedelta(seconds=2)
"""A process whose clock differs by more reports the difference and does nothing that cannot be undone."""


class ClockDiffers(StorageError):
    """The clock of this machine differs from the database's. Correct it (NTP), then try again."""

    def __init__(self, difference: timedelta) -> None:
        super().__init__(f"{described(difference)}. Correct it (NTP), then try again.")


def difference(before: datetime, database: datetime, after: datetime) -> timedelta:
    """Return how far the machine's clock is ahead of the database's; negative if it is behind.

    `before` and `after` are readings of the machine's clock, and `database` was read between them.
    """
    if database < before:
        return before - database
    return min(after - database, timedelta(0))


def is_too_far(ahead: timedelta) -> bool:
    return abs(ahead) > DIFFERENCE_MAX


def differs() -> bool:
    """Return whether this process has measured that its machine's clock is too far from the database's."""
    return is_too_far(correction())


def described(ahead: timedelta) -> str:
    side = "ahead of" if ahead > timedelta(0) else "behind"
    return f"The clock of this machine is {abs(ahead).total_seconds():.1f} s {side} the database's"


def apply_reading(before: datetime, database: datetime, after: datetime) -> timedelta:
    """Correct the clock of this process by a reading, and return how far the machine's is ahead of the database's.

    A correction that explains the reading is kept, so the clock does not change with every reading.
    """
    known = correction()
    correct_by(known - difference(before + known, database, after + known))
    return -correction()


def clock_call() -> Call:
    """Return the reading of the database's clock, for `instant_of`."""
    return _CLOCK.call()


def instant_of(read: PGresult) -> datetime:
    """Return the instant that a `clock_call` has read."""
    return as_instant(read.get_value(0, 0))


async def read_clock(connection: Connection) -> timedelta:
    """Correct the clock of this process by the database's, and return how far the machine's is ahead."""
    before = own_now()
    row = await (await connection.execute(SQL.clock)).fetchone()
    after = own_now()
    return apply_reading(before, row[0], after) if row else timedelta(0)
