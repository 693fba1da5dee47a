"""Charts in a real browser: the policy, sizes, labels that do not overlap, and the cursor."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, Route

from app.pages.charts.period import Unit, period_until
from tests.app.pages.charts.drawings import NOW, PAGES, PERIODS, every_kind, render
from tests.ui.chromium import Chromium

URL = "http://charts.example/"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'"
STATIC = {"charts.css": "text/css", "chart.js": "text/javascript"}


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    with chromium.driven() as driven:
        yield driven


def open_charts(browser: Browser, width: int, unit: Unit = "hour", count: int = 24) -> Page:
    """Open a page with a chart of each kind. A message in its console fails the test."""
    charts = "".join(f"<section>{render(chart)}</section>" for chart in every_kind(period_until(NOW, unit, count)))
    head = '<meta charset="utf-8"><link rel="stylesheet" href="charts.css"><link rel="icon" href="data:,">'
    html = f'<!doctype html><html lang="en"><head>{head}<script type="module" src="chart.js"></script></head>{charts}'

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(URL)
        body = (PAGES / "static" / name).read_text("utf-8") if name in STATIC else html
        headers = {"Content-Type": STATIC.get(name, "text/html"), "Content-Security-Policy": POLICY}
        route.fulfill(body=body, headers=headers)

    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(10_000)
    page.route(f"{URL}**", answer)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(URL)
    page.locator(".chart-image[tabindex]").nth(9).wait_for(state="attached")
    assert messages == []
    return page


@pytest.mark.parametrize(("unit", "count"), PERIODS)
@pytest.mark.parametrize("width", [360, 1280])
def test_labels_do_not_overlap_and_nothing_scrolls_sideways(
    browser: Browser, width: int, unit: Unit, count: int
) -> None:
    page = open_charts(browser, width, unit, count)
    axes: list[list[list[float]]] = page.evaluate(
        """() => [...document.querySelectorAll(".chart-times")].map((axis) =>
            [...axis.querySelectorAll("text")].map((label) => label.getBoundingClientRect())
                .filter((box) => box.width).map((box) => [box.left, box.right]))"""
    )
    assert len(axes) == 10
    for labels in axes:
        assert len(labels) >= 3
        assert all(end + 4 < start for (_, end), (start, _) in pairwise(labels))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_text_is_never_smaller_than_twelve_pixels_on_a_phone(browser: Browser) -> None:
    page = open_charts(browser, 360)
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll(".chart *")].filter((e) => e.textContent.trim())
            .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""
    )
    assert smallest >= 12
    page.close()


def test_every_drawing_has_the_same_height(browser: Browser) -> None:
    page = open_charts(browser, 360)
    heights = page.evaluate(
        "() => [...document.querySelectorAll('.chart-image')].map((e) => e.getBoundingClientRect().height)"
    )
    assert heights == [160] * 10
    page.close()


def test_numbers_of_the_axis_are_at_their_lines(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    axes: list[tuple[float, list[float]]] = page.evaluate(
        """() => [...document.querySelectorAll(".chart-body")].map((body) => [
            body.querySelector(".chart-image").getBoundingClientRect().top,
            [...body.querySelectorAll(".chart-ticks span")].map((tick) => {
                const box = tick.getBoundingClientRect(); return (box.top + box.bottom) / 2; })])"""
    )
    for top, middles in axes:
        step = 160 / (len(middles) - 1)
        assert middles == pytest.approx([top + index * step for index in range(len(middles))], abs=0.6)
    page.close()


def test_the_pointer_shows_the_values_of_its_bar(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    chart = page.locator("#chart-1")
    at_rest = chart.locator(".chart-legend").inner_text()
    chart.locator(".chart-plot").hover(position={"x": 2, "y": 80})
    assert chart.locator(".chart-subject").inner_text() == "28 Nov, 22:00"
    assert [value.inner_text() for value in chart.locator("[data-column]").all()] == [
        "1,000,000,000", "100,000,000", "10,000,000",
    ]  # fmt: skip
    assert chart.locator(".chart-cursor").get_attribute("visibility") == "visible"
    page.mouse.move(0, 0)
    assert chart.locator(".chart-subject").inner_text() == "Requests per hour, UTC"
    assert chart.locator(".chart-legend").inner_text() == at_rest
    assert chart.locator(".chart-cursor").get_attribute("visibility") == "hidden"
    page.close()


def test_arrow_keys_move_the_cursor_and_the_values_are_announced(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    chart = page.locator("#chart-1")
    live = chart.locator(".chart-live")
    chart.locator(".chart-image").focus()
    assert chart.locator(".chart-subject").inner_text() == "29 Nov, 21:00, so far"
    for key, announced in (
        ("ArrowLeft", "29 Nov, 20:00, Accepted 23,000,000,000, Errors 100,000,000, Refused 10,000,000"),
        ("Home", "28 Nov, 22:00, Accepted 1,000,000,000, Errors 100,000,000, Refused 10,000,000"),
        ("ArrowLeft", "28 Nov, 22:00, Accepted 1,000,000,000, Errors 100,000,000, Refused 10,000,000"),
        ("End", "29 Nov, 21:00, so far, Accepted 24,000,000,000, Errors 100,000,000, Refused 10,000,000"),
    ):
        page.keyboard.press(key)
        assert live.text_content() == announced
    assert live.get_attribute("aria-live") == "polite"
    page.keyboard.press("Tab")
    assert live.text_content() == ""
    page.close()


def test_the_cursor_of_a_month_stays_at_today(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    chart = page.locator("#chart-9")
    plot = chart.locator(".chart-plot")
    box = plot.bounding_box()
    assert box is not None
    plot.hover(position={"x": box["width"] - 2, "y": 20})
    assert chart.locator(".chart-subject").inner_text() == "29 Nov, so far"
    page.close()


def test_an_alert_can_be_followed(browser: Browser) -> None:
    page = open_charts(browser, 360)
    mark = page.locator("#chart-1 .chart-mark")
    target = mark.locator(".chart-target").bounding_box()
    assert target is not None
    assert target["width"] >= 24
    assert target["height"] >= 24
    mark.locator(".chart-target").click()
    page.wait_for_url("**/alerts/alt_1?a=1&b=2")
    page.close()


def test_forced_colours_show_every_series_by_its_texture(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    page.emulate_media(forced_colors="active")
    shown: tuple[str, list[str], list[str]] = page.evaluate(
        """() => [getComputedStyle(document.body).color,
            [...document.querySelectorAll(".chart-bars, .chart-block")].map((e) => getComputedStyle(e).fill),
            [...document.querySelectorAll(".chart-texture, .chart-hatch")].map((e) => getComputedStyle(e).opacity)]"""
    )
    canvas_text, fills, opacities = shown
    assert set(fills) == {canvas_text}
    assert set(opacities) == {"1"}
    page.close()


def test_paper_has_no_controls(browser: Browser) -> None:
    page = open_charts(browser, 1280)
    page.emulate_media(media="print")
    chart = page.locator("#chart-1")
    assert not chart.locator(".chart-more").is_visible()
    assert chart.locator(".chart-image").is_visible()
    page.close()
