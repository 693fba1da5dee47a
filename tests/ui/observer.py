"""Everything that a page does which a user should never cause: messages, errors, refusals and foreign requests."""

import re
from collections import Counter
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

from app.pages.rendering import PAGE_HEADERS

_REPORT = "reportPolicyViolation"
_LISTENER = f"""
document.addEventListener('securitypolicyviolation', event =>
    window.{_REPORT}(`${{event.effectiveDirective}} ${{event.blockedURI}}`))
"""
_RESOURCE_FAILED = re.compile(r"Failed to load resource: the server responded with a status of \d{3}")
_CLIENT_ERROR = 400
_ABORTED = "net::ERR_ABORTED"

REPLACED_REQUEST = "console error: htmx:(afterRequest|sendAbort)"
"""A request that the next one replaced (`hx-sync`), for tests that type or change fields faster than responses arrive.
htmx does not report requests of a page that the user leaves."""


class Observer:
    """Observations of one test, one line each, and the expectations of the test about them.

    The lines start with `console`, `page error`, `policy violation`, `other host`, `failed request`, `response` or
    `missing header`:

        console error: Refused to …
        policy violation: style-src-attr inline
        other host: https://cdn.example/app.js
        response 403: GET /keys/new
        missing header: Permissions-Policy: /keys
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._lines: list[str] = []
        self._expected: list[str] = []
        self._allowed: list[str] = []
        self._watching: set[BrowserContext] = set()

    def watch(self, context: BrowserContext) -> None:
        """Note what the pages of this context do, until `leave`."""
        self._watching.add(context)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("requestfailed", lambda request: self._on_failure(context, request))
        context.expose_function(_REPORT, self._on_violation)  # pyright: ignore[reportUnknownMemberType]
        context.add_init_script(_LISTENER)

    def leave(self, context: BrowserContext) -> None:
        """Stop watching before the context is closed, which aborts its requests."""
        self._watching.discard(context)

    def expect(self, pattern: str) -> None:
        """Expect a line that this regular expression matches from its start. It must appear by the end of the test."""
        self._expected.append(pattern)

    def allow(self, pattern: str) -> None:
        """Accept lines that this regular expression matches from their start, if there are any."""
        self._allowed.append(pattern)

    def problems(self) -> list[str]:
        """Return the lines that the test did not expect, and the expectations that no line meets."""
        accepted = [re.compile(pattern) for pattern in (*self._expected, *self._allowed)]
        unexpected = [line for line in self._lines if not any(pattern.match(line) for pattern in accepted)]
        unmet = [pattern for pattern in self._expected if not any(re.match(pattern, line) for line in self._lines)]
        times = Counter(unexpected)
        return [
            *(line if times[line] == 1 else f"{line} ({times[line]} times)" for line in times),
            *(f"expected, but it did not happen: {pattern}" for pattern in unmet),
        ]

    def _on_console(self, message: ConsoleMessage) -> None:
        # The same fact as a `response` line, without the method.
        if not _RESOURCE_FAILED.match(message.text):
            self._lines.append(f"console {message.type}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._lines.append(f"page error: {error.error}")

    def _on_violation(self, violation: str) -> None:
        self._lines.append(f"policy violation: {violation}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", "data:", "blob:")):
            self._lines.append(f"other host: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request() and self._is_page(response):
            self._lines += [
                f"missing header: {name}: {_path_of(response.url)}"
                for name, value in PAGE_HEADERS.items()
                if response.headers.get(name.lower()) != value
            ]
        if response.status >= _CLIENT_ERROR:
            self._lines.append(f"response {response.status}: {response.request.method} {_path_of(response.url)}")

    def _is_page(self, response: Response) -> bool:
        """Return whether the browser shows the response as a page of the server, which it does not with a redirect."""
        is_redirect = "location" in response.headers
        is_html = response.headers.get("content-type", "").startswith("text/html")
        return is_html and not is_redirect and response.url.startswith(f"{self._origin}/")

    def _on_failure(self, context: BrowserContext, request: Request) -> None:
        # A navigation aborts the requests of the page that it leaves, such as those for its icon and for previews.
        if context in self._watching and request.failure != _ABORTED:
            self._lines.append(f"failed request: {request.method} {_path_of(request.url)}: {request.failure}")


def _path_of(url: str) -> str:
    """Return the path and query of a URL: the port differs from run to run."""
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc="").geturl()
