"""Counting that costs a request next to nothing: in plain numbers, handed over to prometheus-client once a second.

To observe one value in a file that processes share takes prometheus-client 4 µs, a twentieth of a verification.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from prometheus_client import Histogram


class BufferedHistogram:
    """Observations on their way to `histogram`, which has its labels and these `bounds`."""

    def __init__(self, histogram: Histogram, bounds: Sequence[float]) -> None:
        self._histogram = histogram
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def hand_over(self) -> None:
        if not any(self._counts):
            return
        # The library has no way to add several observations at once, but in the parts that a histogram consists of.
        histogram: Any = self._histogram
        for place, count in enumerate(self._counts):
            if count:
                histogram._buckets[place].inc(count)  # noqa: SLF001
        histogram._sum.inc(self._sum)  # noqa: SLF001
        self._counts = [0] * len(self._counts)
        self._sum = 0.0
