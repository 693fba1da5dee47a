"""The y axis: round numbers from 0, or powers of ten."""

from collections.abc import Iterator
from itertools import count
from math import log10

_INTERVALS = 4
LOG_MAX = 100_000
"""The end of the logarithmic axis, which begins at 1."""


def _steps() -> Iterator[int]:
    """Yield the round steps: 1, 2, 3, 4, 5, 6, 8, 10, 20, 25, 30, …, 80, 100, 200, 250, …"""
    yield from (1, 2, 3, 4, 5, 6, 8)
    for exponent in count():
        yield from (factor * 10**exponent for factor in (10, 20, 25, 30, 40, 50, 60, 80))


def ticks_for(maximum: float) -> tuple[int, ...]:
    """Return 0 and four round numbers at equal distances, the last of which is at least `maximum`."""
    step = next(step for step in _steps() if step * _INTERVALS >= maximum)
    return tuple(index * step for index in range(_INTERVALS + 1))


LOG_TICKS = (1, 10, 100, 1_000, 10_000, LOG_MAX)


def log_fraction(value: float) -> float:
    """Return the height of the value on the logarithmic axis, from 0 to 1. Values outside the axis are at its ends."""
    return log10(min(max(value, 1), LOG_MAX)) / log10(LOG_MAX)
