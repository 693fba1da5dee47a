import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pages.charts.bars import Outcomes, Refusals, refusals_chart, requests_chart
from app.pages.charts.chart import Alert, Chart, Frame
from app.pages.charts.period import period_until
from tests.app.pages.charts.drawings import FRAME, NOW, PAGES, every_kind, parse, render, texts

DAY = period_until(NOW, "hour", 24)
CHARTS = every_kind()
each_kind = pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.frame.id)
STYLES = (PAGES / "static/charts.css").read_text("utf-8")
SCRIPT = (PAGES / "static/chart.js").read_text("utf-8")
text_of_people = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@each_kind
def test_the_image_has_the_sentence_as_its_name(chart: Chart) -> None:
    (image,) = [found for found in parse(render(chart)).iter("svg") if found.get("role") == "img"]
    assert image[0].tag == "title"
    assert image[0].text == chart.sentence
    assert image[0].get("id") == image.get("aria-labelledby")


@each_kind
def test_the_drawing_has_the_same_size_empty_and_full(chart: Chart) -> None:
    boxes = [found.get("viewBox") for found in parse(render(chart)).iter("svg") if found.get("viewBox")]
    assert boxes == ["0 0 600 160"]


@each_kind
def test_the_table_has_the_numbers_of_the_chart(chart: Chart) -> None:
    details = parse(render(chart)).find(".//details")
    assert details is not None
    assert texts(details, "summary") == ["View as table"]
    body = details.find(".//tbody")
    assert body is not None
    rows = [[*texts(row, "th"), *texts(row, "td")] for row in body]
    assert [row[: 1 + len(chart.table.columns)] for row in rows] == [[r.name, *r.cells] for r in chart.table.rows]


@each_kind
def test_the_content_security_policy_has_nothing_to_block(chart: Chart) -> None:
    for element in parse(render(chart)).iter():
        assert element.tag not in {"style", "script", "foreignObject"}
        assert not [name for name in element.keys() if name == "style" or name.startswith("on")]  # noqa: SIM118 -- no dict


@each_kind
def test_every_colour_of_the_legend_is_named_and_in_the_chart(chart: Chart) -> None:
    legend = parse(render(chart)).find(".//ul")
    assert legend is not None
    assert len(legend) == len(chart.legend)
    assert all(text for text in texts(legend, "span"))
    drawn = {shape.color for shape in chart.shapes} | {block.color for block in chart.blocks}
    assert drawn <= {key.color for key in chart.legend}


def test_ids_and_references_are_unique_in_a_page_with_all_charts() -> None:
    page = parse(f"<main>{''.join(map(render, CHARTS))}</main>")
    ids = [found for element in page.iter() if (found := element.get("id"))]
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'(?:url\(|href="|labelledby=")#?([\w-]+)', "".join(map(render, CHARTS))))
    assert references
    assert references <= set(ids)


@settings(max_examples=30)
@given(text_of_people, text_of_people, text_of_people)
def test_texts_of_people_are_shown_as_they_are(heading: str, reason: str, alert: str) -> None:
    frame = Frame(id="requests", heading=heading)
    tree = parse(render(refusals_chart(frame, DAY, [Refusals(DAY.start, {reason: 3})])))
    assert texts(tree, "h2") == [heading.strip()]
    assert reason.strip() in texts(tree, "th")
    link = parse(render(requests_chart(frame, DAY, [], [Alert(DAY.start, alert, "/alerts/1")]))).find(".//a")
    assert link is not None
    assert link.get("aria-label") == alert


def test_markup_in_a_label_is_text() -> None:
    html = render(refusals_chart(FRAME, DAY, [Refusals(DAY.start, {"<script>alert(1)</script>": 3})]))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_alerts_are_links_outside_of_the_image() -> None:
    tree = parse(render(CHARTS[0]))
    image = tree.find(".//svg[@role='img']")
    assert image is not None
    assert list(image.iter("a")) == []
    links = [(link.get("href"), link.get("aria-label")) for link in tree.iter("a") if link.get("aria-label")]
    assert links == [("/alerts/alt_1?a=1&b=2", 'Burst of <refusals> & "more"')]
    assert ("/alerts/alt_1?a=1&b=2", 'Burst of <refusals> & "more"') in [
        (link.get("href"), link.text) for link in tree.iter("a")
    ]


def test_the_growing_bar_is_hatched() -> None:
    html = render(requests_chart(FRAME, DAY, [Outcomes(DAY.times[-1], accepted=3)]))
    tree = parse(html)
    image = tree.find(".//svg[@role='img']")
    assert image is not None
    solid, hatched = [found for found in image if found.tag == "rect"]
    places = [[found.get(name) for name in ("x", "y", "width", "height")] for found in (solid, hatched)]
    assert places[0] == places[1]
    assert hatched.get("fill") == "url(#requests-hatch)"


def test_a_chart_of_incomplete_data_says_up_to_when() -> None:
    frame = Frame(id="requests", heading="Requests", data_until=datetime(2026, 11, 29, 21, 39, 1, tzinfo=UTC))
    assert "Up to 21:39:01 UTC" in texts(parse(render(requests_chart(frame, DAY, []))), "p")
    assert "Up to" not in render(requests_chart(FRAME, DAY, []))


def test_the_csv_link_is_there_only_with_an_address() -> None:
    assert "Download CSV" in texts(parse(render(CHARTS[0])), "a")
    assert "CSV" not in render(requests_chart(FRAME, DAY, []))


def test_a_week_of_hours_fits_into_a_page() -> None:
    """A page has 80 kB. A chart with 168 bars of three parts and its table take at most 36 kB."""
    period = period_until(NOW, "hour", 168)
    html = render(requests_chart(FRAME, period, [Outcomes(time, 12_345, 678, 90) for time in period.times]))
    assert len(html) <= 36_000


def test_styles_use_only_tokens_for_colours() -> None:
    styles = re.sub(r"/\*.*?\*/", "", STYLES, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-fA-F]{3}|\b(rgb|hsl|oklch)a?\(", styles)
    tokens = set(re.findall(r"var\((--[\w-]+)\)", styles))
    assert tokens == {
        "--text", "--quiet", "--line", "--card", "--accent",
        "--chart-accepted", "--chart-errors", "--chart-refused", "--chart-4", "--chart-5", "--chart-6",
    }  # fmt: skip


def test_every_class_of_the_template_has_a_style() -> None:
    used = {
        name
        for chart in CHARTS
        for element in parse(render(chart)).iter()
        for name in (element.get("class") or "").split()
    }
    styled = set(re.findall(r"\.([a-z][\w-]*)", STYLES))
    assert used - styled <= {"chart-none", "chart-live", "hidden"}


def test_the_script_is_at_most_two_kilobytes() -> None:
    assert len(SCRIPT.encode()) <= 2_048
    assert "innerHTML" not in SCRIPT
