"""The order in which a worker serves its queues, so that no job takes the time of the others.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): a run advances its queue by the time that it took, and
the worker serves the waiting queue that has advanced least. While jobs wait in n queues, each queue gets 1/n of the
worker's time, however long its runs take. A queue without waiting jobs does not accumulate credit.
"""

from collections.abc import Iterable, Sequence
from itertools import count

RUN_SECONDS_MIN = 0.01
"""The minimum time that a run counts for. Without it, runs of no measurable length would always come first."""


class FairOrder:
    """The order of one worker process. At the start, queues are served in the given order."""

    def __init__(self, queues: Iterable[str]) -> None:
        self._runs = count()
        self._served = {queue: next(self._runs) for queue in queues}
        self._advanced = dict.fromkeys(self._served, 0.0)
        self._floor = 0.0
        """The start time of the queue that was served last. No other queue counts as further behind."""

    def charge(self, queue: str, seconds: float) -> None:
        """Note that a job of `queue` ran for `seconds`."""
        self._floor = max(self._floor, self._advanced[queue])
        self._advanced[queue] = self._floor + max(seconds, RUN_SECONDS_MIN)
        self._served[queue] = next(self._runs)

    def order(self) -> Sequence[str]:
        """Return all queues, the next one to serve first."""
        return sorted(self._served, key=lambda queue: (max(self._advanced[queue], self._floor), self._served[queue]))
