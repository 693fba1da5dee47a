"""Tests in a browser notice what a page must not do, and what a test expected in vain."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from app.pages.rendering import PAGE_HEADERS
from tests.app.organizations import Api
from tests.ui.chromium import Chromium
from tests.ui.ui import Ui


@pytest.fixture
def observed(chromium: Chromium, api: Api) -> Iterator[Ui]:
    """Windows whose problems the test looks at itself."""
    with chromium.driven() as browser:
        opened = Ui(browser, api.url)
        yield opened
        opened.close()


def show(ui: Ui, body: str, *, without_policy: bool = False) -> Page:
    """Open a page with this body, and with the headers of pages, on the server's origin."""
    headers = {**PAGE_HEADERS, "Content-Security-Policy": ""} if without_policy else PAGE_HEADERS
    if without_policy:
        ui.expect("missing header: Content-Security-Policy: /made")
    page = ui.window()
    page.route("**/made", lambda route: route.fulfill(content_type="text/html", body=body, headers=headers))
    page.goto("/made")
    return page


def problems(ui: Ui) -> list[str]:
    ui.close()
    return ui.problems()


def test_a_page_that_does_nothing_wrong_has_no_problems(observed: Ui) -> None:
    observed.open("/sign-in")
    assert problems(observed) == []


def test_a_message_on_the_console_is_a_problem(observed: Ui) -> None:
    show(observed, "<script>console.log('left in')</script>", without_policy=True)
    assert problems(observed) == ["console log: left in"]


def test_an_error_of_a_script_is_a_problem(observed: Ui) -> None:
    show(observed, "<script>missing()</script>", without_policy=True)
    assert problems(observed) == ["page error: missing is not defined"]


@pytest.mark.parametrize(
    ("body", "directive"),
    [
        ("<p style='color: red'>Red</p>", "style-src-attr inline"),
        ("<style>p { color: red }</style><p>Red</p>", "style-src-elem inline"),
        ("<script>document.title = 'inline'</script>", "script-src-elem inline"),
        ("<body onload='document.title = 1'>", "script-src-attr inline"),
    ],
)
def test_a_violation_of_the_policy_of_pages_is_a_problem(observed: Ui, body: str, directive: str) -> None:
    show(observed, body)
    told, violation = sorted(problems(observed))
    assert told.startswith("console error:")
    assert violation == f"policy violation: {directive}"


def test_a_violation_by_a_script_is_a_problem(observed: Ui) -> None:
    observed.open("/sign-in").evaluate("document.body.setAttribute('style', 'color: red')")
    told, violation = sorted(problems(observed))
    assert told.startswith("console error:")
    assert violation == "policy violation: style-src-attr inline"


def test_a_page_without_the_headers_of_pages_is_a_problem(observed: Ui) -> None:
    page = observed.window()
    page.route("**/made", lambda route: route.fulfill(content_type="text/html", body="<p>Hello</p>"))
    page.goto("/made")
    assert problems(observed) == [f"missing header: {name}: /made" for name in PAGE_HEADERS]


def test_a_request_to_another_host_is_a_problem(observed: Ui) -> None:
    show(observed, "<img src='http://127.0.0.2:9/logo.png' alt=''>", without_policy=True).wait_for_load_state("load")
    assert "other host: http://127.0.0.2:9/logo.png" in problems(observed)


def test_a_failed_request_is_a_problem(observed: Ui) -> None:
    page = show(observed, "<p>Hello</p>")
    page.route("**/broken", lambda route: route.abort("connectionreset"))
    page.evaluate("fetch('/broken').catch(() => 0)")
    assert "failed request: GET /broken: net::ERR_CONNECTION_RESET" in problems(observed)


def test_an_error_status_is_a_problem_once(observed: Ui) -> None:
    observed.open("/problems/unknown")
    assert problems(observed) == ["response 404: GET /problems/unknown"]


def test_an_error_status_is_a_problem_without_javascript(observed: Ui) -> None:
    observed.open("/problems/unknown", java_script=False)
    assert problems(observed) == ["response 404: GET /problems/unknown"]


def test_an_expected_line_is_no_problem(observed: Ui) -> None:
    observed.expect("response 404: GET /problems/unknown")
    observed.open("/problems/unknown")
    assert problems(observed) == []


def test_an_expectation_that_is_not_met_is_a_problem(observed: Ui) -> None:
    observed.expect("response 404")
    observed.allow("response 500")
    observed.open("/sign-in")
    assert problems(observed) == ["expected, but it did not happen: response 404"]
