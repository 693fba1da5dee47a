"""Rounds of measurements, their medians and their ratios."""

import pytest

from benchmarks.interleaved import Rounds, interleaved
from benchmarks.request_costs import Sample, Service


def sample(rate: float, cost: float = 100.0) -> Sample:
    return Sample(rate=rate, p50=1.0, p99=2.0, api=cost - 30, postgres=20.0, valkey=10.0)


def test_every_round_measures_all_services_and_starts_with_another_one() -> None:
    order: list[str] = []

    def take(service: Service) -> Sample:
        order.append(service.name)
        return sample(len(order))

    services = [Service(name, "http://127.0.0.1/", 1) for name in "abc"]
    rounds = interleaved(services, 4, take)
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"
    assert rounds.median("a", "rate") == pytest.approx((1 + 6 + 8 + 10) / 2 - (1 + 10) / 2)
    assert "a" in rounds
    assert "d" not in rounds


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    """The machine was faster in each round than in the one before. The ratio of the medians is 2."""
    rates = [(10, 10), (40, 20), (500, 400)]
    rounds = Rounds([{"one": sample(one), "other": sample(other)} for one, other in rates])
    assert (rounds.median("one", "rate"), rounds.median("other", "rate")) == (40, 20)
    assert rounds.ratio("one", "other", "rate") == pytest.approx(1.25)


def test_the_cost_of_a_request_is_the_processor_time_of_all_servers() -> None:
    rounds = Rounds([{"one": sample(1, cost=120.0)}])
    assert rounds.median("one", "cost") == 120
    assert [rounds.median("one", figure) for figure in ("api", "postgres", "valkey")] == [90, 20, 10]
