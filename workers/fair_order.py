"""The order in which one worker looks at its queues, so that no job takes the time of the others.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): a run advances its own queue by the time that it took,
and the worker takes the waiting queue that has advanced least. While jobs wait in n queues, each gets an nth of the
worker's time, whatever a run of it takes. A queue in which nothing waited saves up no claim for later.
"""

from collections.abc import Iterable, Sequence
from itertools import count

RUN_SECONDS_MIN = 0.01
"""What a run counts for at least. Without it, runs of no measurable length would never give way."""


class FairOrder:
    """One for each worker process. At the start, queues are looked at in the order in which they are given."""

    def __init__(self, queues: Iterable[str]) -> None:
        self._runs = count()
        self._served = {queue: next(self._runs) for queue in queues}
        self._advanced = dict.fromkeys(self._served, 0.0)
        self._floor = 0.0
        """Where the queue that was served last began: no other queue counts as further behind than that."""

    def charge(self, queue: str, seconds: float) -> None:
        """Note that a job of `queue` ran for `seconds`."""
        self._floor = max(self._floor, self._advanced[queue])
        self._advanced[queue] = self._floor + max(seconds, RUN_SECONDS_MIN)
        self._served[queue] = next(self._runs)

    def order(self) -> Sequence[str]:
        """Return all queues, the one that has the first claim first."""
        return sorted(self._served, key=lambda queue: (max(self._advanced[queue], self._floor), self._served[queue]))
