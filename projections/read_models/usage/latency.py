"""Latencies of calls as a histogram with fixed bounds, and percentiles of one.

The bounds are log-linear, as in HdrHistogram (https://hdrhistogram.org): every millisecond below 16 has its own bucket,
and from there every power of two is divided into eight buckets of equal width. Therefore any two histograms can be
added bucket by bucket, and a bucket is never wider than an eighth of its lower bound.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import NamedTuple, TypeVar

K = TypeVar("K")

_EXACT_BITS = 4
_DIVISIONS = 8
_BITS_MAX = 20

BOUNDS_MS: tuple[int, ...] = (
    *range(1 << _EXACT_BITS),
    *[
        (_DIVISIONS + division) << (bits - 3)
        for bits in range(_EXACT_BITS, _BITS_MAX)
        for division in range(_DIVISIONS)
    ],
    1 << _BITS_MAX,
)
"""The lower bounds of the buckets, ascending: 0, 1, … 15, 16, 18, 20, … 1,048,576 (17 minutes) and everything beyond.

Bucket n starts at `BOUNDS_MS[n - 1]`, counted from 1 as in PostgreSQL's `width_bucket`. Never change this value: the
stored counts depend on it.
"""

_LAST_MS = {bound: following - 1 for bound, following in pairwise(BOUNDS_MS)}


class Percentiles(NamedTuple):
    """Percentiles in milliseconds. All are None if there were no calls."""

    p50: int | None = None
    p95: int | None = None
    p99: int | None = None


def added(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    """Return the sums by key, such as the histogram of the calls in several histograms."""
    total: dict[K, int] = {}
    for each in counts:
        for key, count in each.items():
            total[key] = total.get(key, 0) + count
    return total


def percentiles(histogram: Mapping[int, int]) -> Percentiles:
    """Return the percentiles of `histogram`, which has calls by bucket."""
    if not histogram:
        return Percentiles()
    buckets, calls = sorted(histogram.items()), sum(histogram.values())
    return Percentiles(*(_latency_of(ceil(calls * percent / 100), buckets) for percent in (50, 95, 99)))


def _latency_of(rank: int, buckets: Sequence[tuple[int, int]]) -> int:
    """Return the latency of the call with this rank, the fastest having 1, interpolated inside its bucket.

    The true value is in the same bucket. The result is exact below 18 ms, and otherwise differs by an eighth at most.
    Above the last bound, it is the last bound.
    """
    before = 0
    for bucket, count in buckets:
        if before + count >= rank:
            first = BOUNDS_MS[bucket - 1]
            last = _LAST_MS.get(first, first)
            return first + round((last - first) * (rank - before) / (count + 1))
        before += count
    raise ValueError("fewer calls than the rank")
