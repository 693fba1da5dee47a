"""The API reference page: it is complete and has no script."""

import re
from html import unescape

import httpx2
import pytest

from app.http.error_catalogue import ERRORS
from app.openapi.errors import codes_of
from app.pages.rendering import POLICY
from app.pages.static_files import REFERENCE_STYLE_URL
from app.routes import ROUTES
from tests.app.organizations import Api
from tests.app.people import COOKIE, person


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
        REFERENCE_STYLE_URL,
        "/schema/openapi.json",
        "/favicon.svg",
        *(f"/problems/{code}" for code in ERRORS),
    }


def test_a_signed_in_user_reads_the_same_reference_in_the_dashboard(api: Api, page: str) -> None:
    viewer = person(api, api.organization().id, "viewer")
    own = httpx2.get(f"{api.url}/schema", headers={"Cookie": f"{COOKIE}={viewer.secret}"}, timeout=30)
    assert own.headers.get_list("content-security-policy") == [POLICY]
    assert "<h1>API reference</h1>" in own.text
    assert '<a href="/account">' in own.text
    content = re.compile(r'<nav aria-label="Operations">.*</section>', re.DOTALL)
    assert content.findall(own.text) == content.findall(page)


def test_only_the_page_may_have_a_style_sheet(api: Api) -> None:
    assert api.client().get("/schema").headers.get_list("content-security-policy") == [POLICY]
    assert "unsafe" not in POLICY
    for path in ("/schema/openapi.json", REFERENCE_STYLE_URL, "/v1/api-keys"):
        policy = httpx2.get(api.url + path).headers.get_list("content-security-policy")
        assert policy == ["default-src 'none'; frame-ancestors 'none'"]
