"""A browser without script: it follows links, sends forms as they stand in the page, and keeps cookies."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class Form:
    def __init__(self, attributes: Mapping[str, str | None]) -> None:
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append(Form(attributes))
        elif tag == "a":
            self.links.append(attributes.get("href") or "")
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"] or ""] = attributes.get("value") or ""
        elif tag == "select" and self.forms and attributes.get("name"):
            self._select = attributes["name"] or ""
            self.forms[-1].fields[self._select] = ""
        elif tag == "option" and self.forms and "selected" in attributes:
            self.forms[-1].fields[self._select] = attributes.get("value") or ""
        elif tag == "button" and self.forms and attributes.get("name"):
            self.forms[-1].buttons.append((attributes["name"] or "", attributes.get("value") or ""))


class Browser:
    """`page` is what was answered last. What holds for every page is asserted for every page."""

    def __init__(self, http: httpx2.Client, origin: str, headers: Mapping[str, str]) -> None:
        self._http = http
        self._origin = origin
        self._headers = dict(headers)
        self.page: httpx2.Response = httpx2.Response(204)
        self._read = _Reader()

    @property
    def forms(self) -> list[Form]:
        return self._read.forms

    @property
    def links(self) -> list[str]:
        return self._read.links

    @property
    def path(self) -> str:
        return self.page.request.url.path

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self._http.cookies.jar}

    def keep_cookie(self, name: str, value: str) -> None:
        """As if this site had set it."""
        self._http.cookies.set(name, value, domain="127.0.0.1", path="/")

    def go(self, url: str, **headers: str) -> httpx2.Response:
        return self._ask("GET", url, None, headers)

    def leads_to(self, url: str) -> str:
        """Where a page sends the browser, which does not go there yet."""
        answer = self._http.get(url, headers=self._headers, timeout=30)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def send(self, form: Form, button: int | None = None, /, **fields: str) -> httpx2.Response:
        """Press a button of `form`, the first one unless another is named, with these fields filled in."""
        pressed = dict([form.buttons[button or 0]]) if form.buttons else {}
        url = urljoin(str(self.page.request.url), form.action)
        origin = {"Origin": f"{self.page.request.url.scheme}://{self.page.request.url.netloc.decode()}"}
        return self._ask("POST", url, {**form.fields, **fields, **pressed}, {**origin, "Sec-Fetch-Site": "same-origin"})

    def post(self, url: str, fields: Mapping[str, str], **headers: str) -> httpx2.Response:
        """A form that no page of ours has."""
        return self._ask("POST", url, fields, headers)

    def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = self._http.request(
            method, url, data=form, headers={**self._headers, **named}, follow_redirects=True, timeout=30
        )
        self._read = _Reader()
        self._read.feed(self.page.text)
        if str(self.page.request.url).startswith(self._origin):
            self._keeps_the_promises()
        return self.page

    def _keeps_the_promises(self) -> None:
        for answer in (*self.page.history, self.page):
            assert answer.status_code != 500, answer.text
            if str(answer.request.url).startswith(self._origin):
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-store"
        if self.page.headers.get("content-type", "").startswith("text/html"):
            assert self.page.headers["content-security-policy"] == POLICY
            assert self.page.headers.get_list("referrer-policy") == ["strict-origin"]
            assert "script" not in self._read.tags
            assert "style=" not in self.page.text
            assert self.page.text.count("<h1>") == 1


@contextmanager
def browser(url: str, **headers: str) -> Generator[Browser]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx2.Client(base_url=url) as http:
        yield Browser(http, url, named)
