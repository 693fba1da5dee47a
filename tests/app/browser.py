"""A browser without JavaScript: it follows redirects, submits forms and stores cookies."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Form:
    """`repeated` are fields with several values. `buttons` are those with a name.

    `default_button` is the first button, which Enter in a field presses.
    """

    def __init__(self, attributes: Mapping[str, str | None]) -> None:
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.fields: dict[str, str] = {}
        self.repeated: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str]] = []
        self.default_button: dict[str, str] | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.headings = 0
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.headings += tag == "h1"
        if tag == "style" or (tag == "script" and not (attributes.get("src") or "").startswith("/static/")):
            self.inline.append(tag)
        self.inline += [name for name in attributes if name == "style" or name.startswith("on")]
        if tag == "form":
            self.forms.append(Form(attributes))
        elif tag == "a":
            self.links.append(attributes.get("href") or "")
        elif self.forms:
            self._read_control(self.forms[-1], tag, attributes)

    def _read_control(self, form: Form, tag: str, attributes: Mapping[str, str | None]) -> None:
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        if tag == "button" and attributes.get("type") != "button":
            form.buttons += [(name, value)] if name else []
            if form.default_button is None:
                form.default_button = {name: value} if name else {}
        elif tag == "option" and "selected" in attributes:
            form.fields[self._select] = value
        elif not name:
            return
        elif tag == "select":
            self._select = name
            form.fields[name] = ""
        elif tag == "textarea":
            self._textarea = name
            form.fields[name] = ""
        elif tag == "input" and (attributes.get("type") not in {"radio", "checkbox"} or "checked" in attributes):
            if name in form.fields:
                form.repeated.setdefault(name, [form.fields[name]]).append(value)
            form.fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._textarea:
            # The line break after the tag is not part of the text (HTML §13.2.6.4.7).
            self.forms[-1].fields[self._textarea] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""


class Browser:
    """`page` is the last response. The guarantees for all pages are asserted for every page."""

    def __init__(self, http: httpx2.Client, origin: str, headers: Mapping[str, str]) -> None:
        self._http = http
        self._origin = origin
        self._headers = dict(headers)
        self.page: httpx2.Response = httpx2.Response(204)
        self._read = _Reader()

    @property
    def forms(self) -> list[Form]:
        return self._read.forms

    def form(self, action: str) -> Form:
        """Return the only form of the page with this action."""
        (found,) = [form for form in self.forms if form.action == action]
        return found

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
        """Store a cookie as if this site had set it."""
        self._http.cookies.set(name, value, domain="127.0.0.1", path="/")

    def go(self, url: str, **headers: str) -> httpx2.Response:
        return self._request("GET", url, None, headers)

    def redirect_target(self, url: str) -> str:
        """Return the address to which `url` redirects, without following the redirect."""
        answer = self._http.get(url, headers=self._headers, timeout=30)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def send(self, form: Form, button: int | None = None, /, **fields: str | list[str]) -> httpx2.Response:
        """Fill in these fields of `form` and press the named button with this number, by default the first button.

        A list is a field that is submitted several times.
        """
        pressed = dict([form.buttons[button]]) if button is not None else form.default_button or {}
        url = urljoin(str(self.page.request.url), form.action)
        origin = {"Origin": f"{self.page.request.url.scheme}://{self.page.request.url.netloc.decode()}"}
        return self._request(
            "POST",
            url,
            {**form.fields, **form.repeated, **fields, **pressed},
            {**origin, "Sec-Fetch-Site": "same-origin"},
        )

    def post(self, url: str, fields: Mapping[str, str], **headers: str) -> httpx2.Response:
        """Submit a form that is on no page of the service."""
        return self._request("POST", url, fields, headers)

    def _request(
        self, method: str, url: str, form: Mapping[str, str | list[str]] | None, headers: Mapping[str, str]
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = self._http.request(
            method, url, data=form, headers={**self._headers, **named}, follow_redirects=True, timeout=30
        )
        self._read = _Reader()
        self._read.feed(self.page.text)
        if str(self.page.request.url).startswith(self._origin):
            self._check_guarantees()
        return self.page

    def _check_guarantees(self) -> None:
        for answer in (*self.page.history, self.page):
            assert answer.status_code != 500, answer.text
            if str(answer.request.url).startswith(self._origin):
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-store"
        if self.page.headers.get("content-type", "").startswith("text/html"):
            assert self.page.headers["content-security-policy"] == POLICY
            assert self.page.headers.get_list("referrer-policy") == ["strict-origin"]
            assert self.page.headers["cross-origin-opener-policy"] == "same-origin"
            assert not self._read.inline, "the Content-Security-Policy refuses inline scripts and styles"
            if self.page.text.startswith("<!doctype html>"):  # otherwise a script inserts it into a page
                assert self._read.headings == 1


@contextmanager
def browser(url: str, **headers: str) -> Generator[Browser]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx2.Client(base_url=url) as http:
        yield Browser(http, url, named)
