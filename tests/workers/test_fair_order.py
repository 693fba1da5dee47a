"""Fair order of queues: no job takes time from the others, regardless of the duration of its runs."""

from collections import Counter

import pytest

from workers.fair_order import RUN_SECONDS_MIN, FairOrder


def served(order: FairOrder, waiting: dict[str, float], seconds: float) -> Counter[str]:
    """Serve queues that never empty for `seconds`, with `waiting` as seconds per run; return the time per queue."""
    spent: Counter[str] = Counter()
    while spent.total() < seconds:
        queue = next(queue for queue in order.order() if queue in waiting)
        order.charge(queue, waiting[queue])
        spent[queue] += waiting[queue]  # type: ignore[assignment] -- a counter of seconds
    return spent


@pytest.mark.parametrize("slow", ["a", "c"])
def test_a_queue_with_long_runs_gets_no_more_time_than_the_others(slow: str) -> None:
    runs = {queue: 20.0 if queue == slow else 0.1 for queue in "abcde"}
    spent = served(FairOrder("abcde"), runs, 1_000)
    assert max(spent.values()) - min(spent.values()) <= 20.1


def test_queues_with_equal_runs_take_turns() -> None:
    order = FairOrder("abcde")
    turns: list[str] = []
    for _ in range(50):
        turns.append(order.order()[0])
        order.charge(turns[-1], 3.0)
    assert all(set(turns[at : at + 5]) == set("abcde") for at in range(0, 50, 5))


def test_an_idle_queue_gains_no_advantage() -> None:
    order = FairOrder("ab")
    served(order, {"a": 1.0}, 3_600)
    spent = served(order, {"a": 1.0, "b": 1.0}, 20)
    assert abs(spent["a"] - spent["b"]) <= 1


def test_a_queue_that_used_an_idle_worker_has_no_disadvantage() -> None:
    order = FairOrder("ab")
    served(order, {"b": 1.0}, 3_600)
    served(order, {"a": 1.0}, 1)
    spent = served(order, {"a": 1.0, "b": 1.0}, 20)
    assert abs(spent["a"] - spent["b"]) <= 1


def test_a_run_without_duration_also_counts() -> None:
    order = FairOrder("ab")
    order.charge("a", 0.0)
    assert order.order()[0] == "b"
    assert RUN_SECONDS_MIN > 0
