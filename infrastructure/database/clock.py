"""The clock of the database, by which everything is decided that cannot be undone.

A reading is taken between two looks at the clock of the machine. Where the database's instant lies between them, the
clocks agree as far as anybody can tell, and nothing is corrected: a slow answer is no difference. Otherwise the
correction is the smallest that explains the reading.
"""

from datetime import datetime, timedelta

from infrastructure.clock import correct_by, correction, own_now
from infrastructure.database.connections import Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.queries import SQL

DIFFERENCE_MAX = timedelta(seconds=2)
"""A process whose clock differs by more reports it, and leaves undone what cannot be undone."""


class ClockDiffers(StorageError):
    """The clock of this machine differs from the database's. Correct it (NTP), then try again."""

    def __init__(self, difference: timedelta) -> None:
        super().__init__(f"{described(difference)}. Correct it (NTP), then try again.")


def difference(before: datetime, database: datetime, after: datetime) -> timedelta:
    """Return how far the machine's clock is ahead of the database's; negative where it is behind.

    `before` and `after` are the machine's, and `database` was read between them.
    """
    if database < before:
        return before - database
    return min(after - database, timedelta(0))


def is_too_far(ahead: timedelta) -> bool:
    return abs(ahead) > DIFFERENCE_MAX


def differs() -> bool:
    """Return whether this process knows that its machine's clock is too far from the database's."""
    return is_too_far(correction())


def described(ahead: timedelta) -> str:
    side = "ahead of" if ahead > timedelta(0) else "behind"
    return f"The clock of this machine is {abs(ahead).total_seconds():.1f} s {side} the database's"


def heed(before: datetime, database: datetime, after: datetime) -> timedelta:
    """Correct the clock of this process by a reading; gives how far the machine's is ahead of the database's.

    A correction that explains the reading is kept, so that the clock does not waver from one reading to the next.
    """
    known = correction()
    correct_by(known - difference(before + known, database, after + known))
    return -correction()


async def read_clock(connection: Connection) -> timedelta:
    """Read the database's clock and correct this process's by it; gives how far the machine's is ahead."""
    before = own_now()
    row = await (await connection.execute(SQL.clock)).fetchone()
    after = own_now()
    return heed(before, row[0], after) if row else timedelta(0)
