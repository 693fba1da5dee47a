"""Statistics for the rules: robust against the spikes that the rules look for, and easy to explain."""

from collections.abc import Sequence
from math import sqrt
from statistics import median
from typing import NamedTuple

_NORMAL_OF_MAD = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations (Iglewicz and Hoaglin, 1993)."""


class Baseline(NamedTuple):
    """The usual count: the median of past counts and their usual deviation from it."""

    median: float
    deviation: float


def baseline(counts: Sequence[int]) -> Baseline:
    """Return the baseline of at least one count.

    The deviation is never below that of a Poisson process with the same median. Otherwise a few counts that happen to
    be equal would make every other count unusual.
    """
    middle = median(counts)
    spread = median(abs(count - middle) for count in counts)
    return Baseline(middle, max(_NORMAL_OF_MAD * spread, sqrt(middle), 1.0))


def wilson_bounds(hits: int, trials: int, z: float) -> tuple[float, float]:
    """Return the lower and upper bound of the score interval of a rate at `z` standard deviations (Wilson, 1927).

    Without trials, the interval is (0, 1).
    """
    if trials == 0:
        return 0.0, 1.0
    rate = hits / trials
    scale = 1 + z * z / trials
    middle = (rate + z * z / (2 * trials)) / scale
    margin = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / scale
    return max(0.0, middle - margin), min(1.0, middle + margin)
