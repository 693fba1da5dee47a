import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.charts.sparkline import SPARKLINE_HEIGHT, sparkline
from tests.app.pages.charts.drawings import bar_heights_of_sparkline, counts, parse, render_sparkline


@given(st.lists(counts, min_size=14, max_size=14))
def test_bars_are_scaled_to_the_highest_day(days: list[int]) -> None:
    expected = [SPARKLINE_HEIGHT * value / max(days) for value in days if value]
    assert bar_heights_of_sparkline(sparkline(days).path) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ([301] * 3 + [301] + [0] * 7 + [0] * 3, "1,204 requests in 14 days, none in the last 10. Highest day: 301."),
        ([1_000] + [0] * 9 + [204] + [0] * 3, "1,204 requests in 14 days, none in the last 3. Highest day: 1,000."),
        ([0] * 12 + [1, 0], "1 request in 14 days, none today. Highest day: 1."),
        ([2] * 14, "28 requests in 14 days. Highest day: 2."),
        ([0] * 14, "No requests in 14 days"),
    ],
)
def test_the_sentence_says_how_many_and_since_when_none(days: list[int], sentence: str) -> None:
    assert sparkline(days).sentence == sentence


def test_the_sparkline_is_an_image_with_its_sentence_and_its_number() -> None:
    image, number = parse(render_sparkline(sparkline([0] * 13 + [1_204])))
    assert (image.get("role"), image[0].tag, image[0].text) == ("img", "title", sparkline([0] * 13 + [1_204]).sentence)
    assert [image.get(name) for name in ("width", "height", "viewBox")] == ["84", "20", "0 0 84 20"]
    assert (number.text, number.get("aria-hidden")) == ("1,204", "true")


def test_fifty_sparklines_fit_into_a_page() -> None:
    """A page has 80 kB; the sparklines of its 50 rows take at most a quarter."""
    assert 50 * len(render_sparkline(sparkline(list(range(10**6, 10**6 + 14))))) <= 20_000
