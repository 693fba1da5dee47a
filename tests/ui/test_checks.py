"""The checks that tests in a browser share find what they look for, and only that."""

import asyncio
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.app.organizations import Api, Organization
from tests.random_input import random_token
from tests.ui.accessibility import assert_accessible, findings
from tests.ui.chromium import Chromium, chromium_path
from tests.ui.judged import JUDGED
from tests.ui.layout import cut_tables, layout_shifts, low_targets, scrolls_sideways
from tests.ui.looks import DARK_NARROW, FORCED_COLORS, LIGHT, PRINTED, ZOOMED, Look
from tests.ui.secret_traces import secret_traces
from tests.ui.ui import Ui
from tests.waiting import eventually

_DOCUMENT = "<!doctype html><html lang='en'><title>Made</title><main><h1>Made</h1>{}</main>"

_LEAKS = {
    "the document": "document.body.dataset.key = secret",
    "a field": "document.querySelector('input').value = secret",
    "the address": "location.hash = secret",
    "the name of the window": "window.name = secret",
    "history.state": "history.replaceState({secret}, '')",
    "local storage": "localStorage.key = secret",
    "session storage": "sessionStorage.key = secret",
    "performance entries": "performance.mark(secret)",
    "cookies": "document.cookie = `key=${secret}`",
}

_QUERIES = {
    LIGHT: "(prefers-color-scheme: light) and (min-width: 1280px)",
    DARK_NARROW: "(prefers-color-scheme: dark) and (max-width: 360px) and (min-width: 360px)",
    FORCED_COLORS: "(forced-colors: active)",
    PRINTED: "print",
}
"""Media queries that match the look, and not the one before."""


def show(ui: Ui, body: str, look: Look = LIGHT) -> Page:
    """Open a page with this content on the server's origin."""
    page = ui.window(look=look)
    ui.allow("missing header: .*: /made")
    page.route("**/made", lambda route: route.fulfill(content_type="text/html", body=_DOCUMENT.format(body)))
    page.goto("/made")
    return page


def test_a_violation_is_found_unless_its_element_is_left_out(ui: Ui) -> None:
    page = show(ui, "<style>p { color: #777 }</style><p>Pale</p>")
    with pytest.raises(AssertionError, match="color-contrast: p"):
        assert_accessible(page)
    assert_accessible(page, repeated="p")


def test_an_element_about_which_axe_cannot_decide_must_be_judged(ui: Ui) -> None:
    gradient = "<style>p { background: linear-gradient(#000, #fff) }</style><p>On a gradient</p>"
    page = show(ui, gradient)
    assert [(each.rule, each.target) for each in findings(page)[1]] == [("color-contrast", "p")]
    with pytest.raises(AssertionError, match="axe cannot decide"):
        assert_accessible(page)


def test_every_judgement_has_a_reason() -> None:
    assert all(len(each.reason) > 20 for each in JUDGED)


def test_a_layout_shift_is_measured(ui: Ui) -> None:
    page = show(ui, "<p>Below</p>")
    assert layout_shifts(page) == []
    page.evaluate("document.querySelector('main').style.paddingTop = '300px'")
    (shift,) = layout_shifts(page)
    assert "<p>" in shift


def test_a_page_that_is_too_wide_is_found_and_a_region_that_scrolls_is_not(ui: Ui) -> None:
    wide = "<div style='width: 600px'>Wide</div>"
    assert scrolls_sideways(show(ui, wide, DARK_NARROW))
    assert not scrolls_sideways(show(ui, f"<div style='overflow-x: auto'>{wide}</div>", DARK_NARROW))


def test_a_table_that_is_wider_than_its_place_is_found(ui: Ui) -> None:
    table = "<div class='table-region' style='overflow: visible'><div style='width: {}px'>Wide</div></div>"
    assert cut_tables(show(ui, table.format(300), DARK_NARROW)) == []
    assert len(cut_tables(show(ui, table.format(600), DARK_NARROW))) == 1


@pytest.mark.parametrize(
    ("body", "is_low"),
    [
        ("<p><a href='/'>Alone</a></p>", True),
        ("<p><a href='/'>Alone</a> | <a href='/'>Alone too</a></p>", True),
        ("<p>Read <a href='/'>the reference</a>.</p>", False),
        ("<p><strong>Read</strong> <a href='/'>the reference</a></p>", False),
        ("<p><a href='/'>Alone</a><span style='display: block'>Below</span></p>", True),
        ("<p><a href='/' style='display: block; height: 44px'>Alone</a></p>", False),
        ("<label style='display: block; height: 44px'><input type='checkbox'> High</label>", False),
        ("<label><input type='checkbox'> Low</label>", True),
        ("<button hidden>Hidden</button>", False),
    ],
)
def test_a_control_that_is_too_low_to_touch_is_found_unless_it_is_in_a_sentence(
    ui: Ui, body: str, *, is_low: bool
) -> None:
    assert bool(low_targets(show(ui, body, DARK_NARROW))) == is_low


def test_a_secret_is_found_wherever_it_is(ui: Ui, subtests: pytest.Subtests) -> None:
    page = show(ui, "<input aria-label='Field'>")
    for place, leak in _LEAKS.items():
        with subtests.test(place):
            secret = random_token()
            assert secret_traces(page, secret) == []
            page.evaluate(f"secret => {{ {leak} }}", secret)
            assert secret_traces(page, secret) == [place]


def test_a_secret_in_a_cookie_that_scripts_cannot_read_is_found(ui: Ui, api: Api) -> None:
    page = show(ui, "")
    secret = random_token()
    page.context.add_cookies([{"name": "key", "value": secret, "url": api.url, "httpOnly": True}])
    assert secret_traces(page, secret) == ["cookies"]


def test_a_page_is_shown_in_the_look(ui: Ui, subtests: pytest.Subtests) -> None:
    open_window = ui.open("/sign-in", look=ZOOMED)
    for look, query in _QUERIES.items():
        with subtests.test(look.name):
            matches = f"matchMedia('{query}').matches"
            assert not open_window.evaluate(matches)
            look.apply(open_window)
            assert open_window.evaluate(matches), "in an open window"
            assert ui.open("/sign-in", look=look).evaluate(matches), "in a new window"


@pytest.mark.usefixtures("workers")
def test_the_workers_derive_what_pages_show(org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    eventually(lambda: org.client.get(f"{key.path}/usage").data["total_requests"] == 1)


def test_asynchronous_code_runs_between_tests_in_the_browser(chromium: Chromium) -> None:
    async def nothing() -> int:
        return 1

    for _ in range(2):
        with chromium.driven() as browser, browser.new_context() as context:
            assert context.new_page().evaluate("1 + 1") == 2
        assert asyncio.run(nothing()) == 1


@pytest.mark.parametrize(
    ("variable", "outcome"),
    [(None, pytest.skip.Exception), ("CI", pytest.fail.Exception), ("KEYLEDGER_CI", pytest.fail.Exception)],
)
def test_a_missing_browser_skips_tests_except_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str | None, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CI", "KEYLEDGER_CI"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(outcome, match="apt-get install chromium"):
        chromium_path()
