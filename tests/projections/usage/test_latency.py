"""The histogram of latencies."""

import random
from bisect import bisect_right
from collections import Counter
from itertools import pairwise
from math import ceil

import pytest

from infrastructure.database.connections import Connection
from projections.read_models.usage.latency import BOUNDS_MS, Percentiles, percentiles

ERROR = 1 / 8


def _histogram(latencies_ms: list[int]) -> Counter[int]:
    return Counter(bisect_right(BOUNDS_MS, latency) for latency in latencies_ms)


def test_no_bucket_is_wider_than_an_eighth_of_its_lower_bound() -> None:
    assert BOUNDS_MS[:19] == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20)
    assert BOUNDS_MS[-1] == 1_048_576
    assert all(after - bound == max(1, 2 ** (bound.bit_length() - 4)) for bound, after in pairwise(BOUNDS_MS))
    assert all(after - bound <= max(1, bound * ERROR) for bound, after in pairwise(BOUNDS_MS))


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert percentiles({}) == Percentiles(None, None, None)


def test_percentiles_below_sixteen_milliseconds_are_exact() -> None:
    assert percentiles(_histogram([3, 1, 2, 15, 7])) == Percentiles(3, 15, 15)
    assert percentiles(_histogram([0])) == Percentiles(0, 0, 0)


def test_a_latency_beyond_the_last_bound_counts_as_the_last_bound() -> None:
    assert percentiles(_histogram([10_000_000])).p50 == 1_048_576


@pytest.mark.parametrize("seed", range(20))
def test_percentiles_are_within_an_eighth_of_the_true_ones(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    size = dice.choice((1, 2, 10, 1_000))
    latencies = [int(dice.lognormvariate(dice.uniform(1, 8), dice.uniform(0.1, 2))) for _ in range(size)]
    latencies = [min(latency, BOUNDS_MS[-1]) for latency in latencies]
    for percent, found in zip((50, 95, 99), percentiles(_histogram(latencies)), strict=True):
        true = sorted(latencies)[ceil(size * percent / 100) - 1]
        assert found is not None
        assert abs(found - true) <= true * ERROR


def test_the_sum_of_histograms_is_the_histogram_of_both() -> None:
    one, other = [3, 80, 81, 5_000], [80, 90, 10]
    assert percentiles(_histogram(one) + _histogram(other)) == percentiles(_histogram([*one, *other]))


@pytest.mark.anyio
async def test_the_database_uses_the_same_buckets(connection: Connection) -> None:
    latencies = [0, 1, 15, 16, 17, 18, 31, 32, 1_000, 1_048_575, 1_048_576, 2_147_483_647]
    cursor = await connection.execute(
        b"select width_bucket(latency, %s::int[]) from unnest(%s::int[]) as latency", (list(BOUNDS_MS), latencies)
    )
    assert [row[0] for row in await cursor.fetchall()] == [bisect_right(BOUNDS_MS, ms) for ms in latencies]
