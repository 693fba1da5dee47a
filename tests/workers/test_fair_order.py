"""No job takes the time of a worker from the others, however long its runs take."""

from collections import Counter

import pytest

from workers.fair_order import RUN_SECONDS_MIN, FairOrder


def served(order: FairOrder, waiting: dict[str, float], seconds: float) -> Counter[str]:
    """Serve `waiting` (seconds of a run by queue), all of which always have a job, for `seconds`; time by queue."""
    spent: Counter[str] = Counter()
    while spent.total() < seconds:
        queue = next(queue for queue in order.order() if queue in waiting)
        order.charge(queue, waiting[queue])
        spent[queue] += waiting[queue]  # type: ignore[assignment] -- a counter of seconds
    return spent


@pytest.mark.parametrize("greedy", ["a", "c"])
def test_whoever_takes_long_gets_no_more_time_than_the_others(greedy: str) -> None:
    runs = {queue: 20.0 if queue == greedy else 0.1 for queue in "abcde"}
    spent = served(FairOrder("abcde"), runs, 1_000)
    assert max(spent.values()) - min(spent.values()) <= 20.1


def test_the_longest_wait_is_one_run_of_each_other_queue_where_runs_are_alike() -> None:
    order = FairOrder("abcde")
    turns: list[str] = []
    for _ in range(50):
        turns.append(order.order()[0])
        order.charge(turns[-1], 3.0)
    assert all(set(turns[at : at + 5]) == set("abcde") for at in range(0, 50, 5))


def test_a_queue_that_was_idle_saves_up_nothing() -> None:
    order = FairOrder("ab")
    served(order, {"a": 1.0}, 3_600)
    spent = served(order, {"a": 1.0, "b": 1.0}, 20)
    assert abs(spent["a"] - spent["b"]) <= 1


def test_a_queue_that_used_an_idle_worker_is_not_punished_for_it() -> None:
    order = FairOrder("ab")
    served(order, {"b": 1.0}, 3_600)
    served(order, {"a": 1.0}, 1)
    spent = served(order, {"a": 1.0, "b": 1.0}, 20)
    assert abs(spent["a"] - spent["b"]) <= 1


def test_runs_that_take_no_time_give_way_too() -> None:
    order = FairOrder("ab")
    order.charge("a", 0.0)
    assert order.order()[0] == "b"
    assert RUN_SECONDS_MIN > 0
