"""Errors in a browser: a page that says what happened and what to do. Programs get JSON."""

import re
from html import unescape
from pathlib import Path

import httpx2
import pytest

from app.http.body import BODY_BYTES_MAX
from app.http.error_catalogue import ERRORS
from app.http.errors import Problem
from app.pages.errors.response import problem_response
from app.pages.wording.error_words import WORDS
from domain.secret import ENTROPY_BYTES, generate
from tests.app.browser import POLICY, Browser
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.random_input import random_bytes

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def ask(
    api: Api, method: str, path: str, accept: str | None, content: bytes | None = None, **headers: str
) -> httpx2.Response:
    given = {"Accept": accept} if accept else {}
    return httpx2.request(method, f"{api.url}{path}", content=content, headers={**given, **headers}, timeout=30)


def assert_page(answer: httpx2.Response, code: str) -> str:
    """Assert that the response is the whole page about an error with this code. Return its text."""
    known = ERRORS[code]
    assert answer.status_code == known.status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers.get_list("content-security-policy") == [POLICY]
    assert answer.headers.get_list("referrer-policy") == ["strict-origin"]
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    text = unescape(answer.text)
    assert f"<h1>{known.title}</h1>" in text
    assert answer.headers["x-request-id"] in text
    assert f'href="/problems/{code}"' in text
    return text


@pytest.mark.parametrize("accept", [CHROME, FIREFOX, "text/html"])
@pytest.mark.parametrize("path", ["/nowhere", "/keys/key_x/y", "/static/none.css", "//", "/a/../b", "/problems/none"])
def test_an_unknown_address_is_a_page_in_a_browser(api: Api, accept: str, path: str) -> None:
    text = assert_page(ask(api, "GET", path, accept), "not_found")
    assert WORDS["not_found"].what_happened in text
    assert WORDS["not_found"].what_to_do in text


def test_a_wrong_method_is_a_page_in_a_browser(api: Api) -> None:
    answer = ask(api, "GET", "/account/sign-out", CHROME)
    assert_page(answer, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/nowhere", "/sign-in"])
def test_a_body_that_is_too_large_is_a_page_in_a_browser(api: Api, path: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(api, "POST", path, CHROME, b"a=" + b"b" * BODY_BYTES_MAX, **form)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert WORDS["payload_too_large"].what_to_do in unescape(answer.text)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_error_has_a_page_with_what_to_do(code: str) -> None:
    reply = problem_response(Problem(code), "/keys", CHROME, "req_1", public_url="http://a")
    assert (reply.status, reply.content_type) == (ERRORS[code].status, "text/html; charset=utf-8")
    text = unescape(reply.body.decode())
    assert (WORDS[code].what_to_do if code in WORDS else ERRORS[code].remedy.replace("`", "")) in text
    assert "req_1" in text
    assert ('href="/sign-in"' in text) == (ERRORS[code].status == 401)


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "application/json, text/html", "text/html;q=0.5, */*"]
)
def test_a_program_gets_json_from_every_path(api: Api, accept: str | None) -> None:
    for method, path, code in (("GET", "/nowhere", "not_found"), ("PUT", "/problems", "method_not_allowed")):
        answer = ask(api, method, path, accept)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/nowhere", "/v1/api-keys", "/v1/api-keys/verify", "/health/x", "/metrics/x", "/tlog/x"]
)
def test_the_paths_of_programs_have_no_pages(api: Api, path: str) -> None:
    answer = ask(api, "GET", path, CHROME)
    assert answer.status_code in {401, 404, 405}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_path_that_only_begins_like_one_of_a_program_has_pages(api: Api) -> None:
    assert_page(ask(api, "GET", "/v1x", CHROME), "not_found")


def test_no_page_shows_a_secret(api: Api) -> None:
    secret = generate("live", random_bytes(ENTROPY_BYTES)).reveal()
    problem = Problem("validation_error", f"No {secret}", {secret: f"is {secret}"})
    for accept in (CHROME, None):
        reply = problem_response(problem, "/keys", accept, "req_1", public_url="http://a")
        assert secret.encode() not in reply.body
        assert secret[:12].encode() in reply.body


def test_user_input_is_escaped() -> None:
    problem = Problem("validation_error", "<script>", {"<b>": "<i>"})
    body = problem_response(problem, "/keys", CHROME, "<u>", public_url="http://a").body
    assert not re.search(rb"<(script|b|i|u)>", body)


def test_an_error_page_leads_to_the_sign_in(proxied_api: Api, screen: Browser, visitor: Visitor) -> None:
    screen.go("/nowhere", Accept=CHROME)
    assert screen.page.status_code == 404
    (start,) = [link for link in screen.links if not link.startswith("/problems/") and link != "/"] or ["/"]
    screen.go(start)
    assert screen.path == "/sign-in"


def test_pages_have_an_icon(api: Api) -> None:
    for path in ("/sign-in", "/schema", "/problems"):
        assert '<link rel="icon" href="/favicon.svg" type="image/svg+xml">' in ask(api, "GET", path, CHROME).text
    answer = ask(api, "GET", "/favicon.svg", "image/svg+xml,*/*;q=0.8")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["cache-control"] == "public, max-age=86400", "later views need only the page itself"


def test_the_icon_is_legible_on_light_and_on_dark() -> None:
    """The glyph has its own ground. The icon has no style, which its policy would forbid, and nothing external."""
    icon = Path("app/pages/static/favicon.svg").read_text("utf-8")
    assert re.findall(r"<(\w+)", icon) == ["svg", "rect", "g", "circle", "path"]
    (plate,) = re.findall(r'<rect width="32" height="32" rx="7" fill="(#\w{6})"/>', icon)
    (glyph,) = re.findall(r'stroke="(#\w{6})"', icon)
    assert contrast(plate, glyph) > 4.5
    assert "style" not in icon
    assert re.findall(r"\w+://[^\"]+", icon) == ["http://www.w3.org/2000/svg"]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2 §1.4.3)."""
    brighter, darker = sorted([_luminance(one), _luminance(other)], reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
