"""How long calls took, kept as a histogram with fixed bounds, and what is read from one.

The bounds are log-linear, as in HdrHistogram (https://hdrhistogram.org): every millisecond below 16 has a bucket of its
own, and from there every power of two is divided into eight of equal width. So two histograms are added bucket by
bucket, whatever they were collected from, and a bucket is never wider than an eighth of its lower bound.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import ceil
from typing import NamedTuple

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

Bucket n, counted from 1 as PostgreSQL's `width_bucket` does, begins at `BOUNDS_MS[n - 1]`. A constant of the stored
counts: never change it.
"""

_LAST_MS = {bound: following - 1 for bound, following in pairwise(BOUNDS_MS)}


class Percentiles(NamedTuple):
    """Milliseconds; all None where nothing was called."""

    p50: int | None = None
    p95: int | None = None
    p99: int | None = None


def percentiles(histogram: Mapping[int, int]) -> Percentiles:
    """Of `histogram`, calls by bucket."""
    return Percentiles(*(percentile(histogram, percent) for percent in (50, 95, 99)))


def percentile(histogram: Mapping[int, int], percent: int) -> int | None:
    """The latency that `percent` % of the calls did not exceed (nearest rank), interpolated inside its bucket.

    The true value lies in the same bucket: this one is exact below 18 ms, and never further from it than an eighth of
    it. Beyond the last bound, the last bound.
    """
    calls = sum(histogram.values())
    rank = ceil(calls * percent / 100)
    before = 0
    for bucket, count in sorted(histogram.items()):
        if before + count >= rank:
            first = BOUNDS_MS[bucket - 1]
            last = _LAST_MS.get(first, first)
            return first + round((last - first) * (rank - before) / (count + 1))
        before += count
    return None
