from hypothesis import given
from hypothesis import strategies as st

from app.pages.charts.scale import LOG_TICKS, log_fraction, ticks_for

ROUND = {"1", "2", "3", "4", "5", "6", "8", "25"}


@given(st.integers(0, 10**15) | st.floats(0, 100))
def test_ticks_are_zero_and_four_round_numbers_up_to_the_maximum_or_more(maximum: float) -> None:
    ticks = ticks_for(maximum)
    step = ticks[1]
    assert ticks == (0, step, 2 * step, 3 * step, 4 * step)
    assert ticks[-1] >= maximum
    assert str(step).rstrip("0") in ROUND


@given(st.integers(4, 10**15))
def test_the_highest_value_reaches_at_least_half_of_the_axis(maximum: int) -> None:
    assert maximum > ticks_for(maximum)[-1] / 2


@given(st.floats(0.01, 100))
def test_percentages_never_need_a_tick_above_100(percentage: float) -> None:
    assert ticks_for(percentage)[-1] <= 100


def test_powers_of_ten_have_equal_distances() -> None:
    assert [round(5 * log_fraction(tick)) for tick in LOG_TICKS] == [0, 1, 2, 3, 4, 5]
    assert log_fraction(10) == 0.2


@given(st.floats(0, 10**9), st.floats(0, 10**9))
def test_the_logarithmic_axis_keeps_the_order_and_its_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= log_fraction(low) <= log_fraction(high) <= 1
