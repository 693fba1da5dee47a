"""The few statistics that the rules need: robust against the very spikes that they look for, and easy to explain."""

from collections.abc import Sequence
from math import sqrt
from statistics import median
from typing import NamedTuple

_NORMAL_OF_MAD = 1.4826
"""A normal distribution's standard deviation in median absolute deviations (Iglewicz and Hoaglin, 1993)."""


class Baseline(NamedTuple):
    """What is usual: the median of past counts, and how far they usually stray from it."""

    median: float
    deviation: float


def baseline(counts: Sequence[int]) -> Baseline:
    """Of one count at least.

    The deviation is never below that of a Poisson process of this median: few counts that happen to be equal do not
    make every other one unusual.
    """
    middle = median(counts)
    spread = median(abs(count - middle) for count in counts)
    return Baseline(middle, max(_NORMAL_OF_MAD * spread, sqrt(middle), 1.0))


def wilson_bounds(hits: int, trials: int, z: float) -> tuple[float, float]:
    """The lower and upper end of the score interval of a rate at `z` standard deviations (Wilson, 1927).

    Without trials everything is possible: (0, 1).
    """
    if trials == 0:
        return 0.0, 1.0
    rate = hits / trials
    stretch = 1 + z * z / trials
    middle = (rate + z * z / (2 * trials)) / stretch
    reach = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / stretch
    return max(0.0, middle - reach), min(1.0, middle + reach)
