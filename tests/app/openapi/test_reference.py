"""The API reference page: it is complete, runs no script and loads only from this service."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from app.http.error_catalogue import ERRORS
from app.openapi.errors import codes_of
from app.pages.rendering import POLICY
from app.routes import ROUTES
from tests.app.chromium import needs_browser, start_browser
from tests.app.organizations import Api


@pytest.fixture(scope="module")
def page(api: Api) -> str:
    return api.client().get("/schema").content.decode()


def test_every_operation_is_on_the_page_with_its_errors(page: str, subtests: pytest.Subtests) -> None:
    for operation in ROUTES:
        with subtests.test(operation.id):
            (article,) = re.findall(rf'<article id="{operation.id}">.*?</article>', page, re.DOTALL)
            assert f"<code>{operation.path}</code>" in article
            assert operation.summary in unescape(article)
            for code in codes_of(operation):
                if ERRORS[code].status not in operation.alternatives:
                    assert f'<a href="/problems/{code}">' in article


def test_the_page_has_no_script_and_no_inline_style(page: str) -> None:
    assert not re.search(r"<script|<style|<iframe|<img| style=| on[a-z]+=", page)
    assert set(re.findall(r'(?:href|src)="([^"#]*)', page)) - {""} <= {
        "/schema/style.css",
        "/schema/openapi.json",
        *(f"/problems/{code}" for code in ERRORS),
    }


def test_only_the_page_may_have_a_style_sheet(api: Api) -> None:
    assert api.client().get("/schema").headers.get_list("content-security-policy") == [POLICY]
    assert "unsafe" not in POLICY
    for path in ("/schema/openapi.json", "/schema/style.css", "/v1/api-keys"):
        policy = api.client().get(path).headers.get_list("content-security-policy")
        assert policy == ["default-src 'none'; frame-ancestors 'none'"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with start_browser() as browser:
        yield browser


@needs_browser
@pytest.mark.parametrize("path", ["/schema", "/problems/revoked_key"])
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_a_browser_shows_the_page_and_requests_only_this_service(
    api: Api, chromium: Browser, path: str, colors: str
) -> None:
    context = chromium.new_context(color_scheme="dark" if colors == "dark" else "light")
    page = context.new_page()
    requested: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    answer = page.goto(f"{api.url}{path}", wait_until="load")
    assert answer is not None
    assert answer.status == 200
    assert {urlsplit(url).netloc for url in requested} == {urlsplit(api.url).netloc}
    assert {urlsplit(url).path for url in requested} >= {path}
    assert page.evaluate("document.styleSheets.length && document.styleSheets[0].cssRules.length") > 10
    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    context.close()


@needs_browser
def test_the_links_to_an_operation_and_to_an_error_work(api: Api, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{api.url}/schema")
    page.get_by_role("link", name="Rotate a key", exact=True).click()
    article = page.locator("#rotate_key")
    article.get_by_text("Errors", exact=True).click()
    article.get_by_role("link", name="revision_mismatch").click()
    assert page.url == f"{api.url}/problems/revision_mismatch"
    assert page.get_by_role("heading", level=1).inner_text() == "Revision mismatch"
    context.close()
