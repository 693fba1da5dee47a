"""Tests in a browser notice what a page must not do, and what a test expected in vain."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.app.organizations import Api
from tests.ui.chromium import Chromium
from tests.ui.ui import Ui

_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'"}


@pytest.fixture
def observed(chromium: Chromium, api: Api) -> Iterator[Ui]:
    """Windows whose problems the test looks at itself."""
    with chromium.driven() as browser:
        opened = Ui(browser, api.url)
        yield opened
        opened.close()


def show(ui: Ui, body: str, headers: dict[str, str] | None = None) -> Page:
    """Open a page with this body on the server's origin."""
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
    show(observed, "<script>console.log('left in')</script>")
    assert problems(observed) == ["console log: left in"]


def test_an_error_of_a_script_is_a_problem(observed: Ui) -> None:
    show(observed, "<script>missing()</script>")
    assert problems(observed) == ["page error: missing is not defined"]


def test_a_violation_of_the_policy_is_a_problem(observed: Ui) -> None:
    show(observed, "<p style='color: red'>Red</p>", _POLICY)
    told, violation = sorted(problems(observed))
    assert told.startswith("console error:")
    assert violation == "policy violation: style-src-attr inline"


def test_a_request_to_another_host_is_a_problem(observed: Ui) -> None:
    show(observed, "<img src='http://127.0.0.2:9/logo.png' alt=''>").wait_for_load_state("load")
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
