"""A page of activity whose tail is answered by the test, and whose clock only the test moves.

The answers come from the page itself, so each test sees exactly when the script asks, without waiting.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from playwright.sync_api import Page

LOADED_AT = datetime(2026, 11, 28, 12, tzinfo=UTC)

_numbers = count()

_SERVER = """
window.server = {asked: [], answers: [], open: 0, mostOpen: 0, isHeld: false, release: () => {}}
const loadedAt = Date.now(), request = window.fetch
window.fetch = async (address, options) => {
    if (!new URL(address, location.href).pathname.endsWith('/tail')) return request(address, options)
    server.asked.push((Date.now() - loadedAt) / 1000)
    server.open += 1
    server.mostOpen = Math.max(server.mostOpen, server.open)
    if (server.isHeld) await new Promise(resolve => { server.release = resolve })
    server.open -= 1
    const answer = server.answers.shift() || {status: 204, headers: {'Tail-Count': '0'}, html: ''}
    if (!answer.status) throw new TypeError('Failed to fetch')
    return new Response(answer.status === 204 ? null : answer.html, answer)
}
"""


class Answer(NamedTuple):
    """A response of the tail. Status 0: the server cannot be reached."""

    status: int = 204
    html: str = ""
    headers: Mapping[str, str] = {"Tail-Count": "0"}


NOTHING = Answer()
AWAY = Answer(0)


def rows(number: int) -> Answer:
    """Return new rows, the newest first."""
    new = [f'<tr role="row" id="evt_new_{next(_numbers)}"><th scope="row">just now</th></tr>' for _ in range(number)]
    return Answer(200, "".join(reversed(new)), {"Tail-Count": str(number)})


def refused(status: int, **headers: str) -> Answer:
    return Answer(status, "", {name.replace("_", "-"): value for name, value in headers.items()})


class Tail:
    """The page at `path` in an empty window."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.state = page.locator("[data-tail-state]")
        self.status = page.locator("[data-tail-status]")
        self.rows = page.locator("[data-tail-rows] tr")
        # The clock runs until it is paused, which must not be later than that.
        page.clock.install(time=LOADED_AT - timedelta(minutes=10))
        page.clock.pause_at(LOADED_AT)
        page.add_init_script(_SERVER)
        page.goto(path)
        self.run(0)  # what the page does as soon as it is complete

    def answer(self, *answers: Answer) -> None:
        """Give these answers next. All others are without new rows."""
        given = [answer._asdict() for answer in answers]
        self.page.evaluate("answers => { server.answers.push(...answers) }", given)

    def run(self, seconds: float) -> None:
        self.page.clock.run_for(round(seconds * 1_000))

    @property
    def asked(self) -> list[float]:
        """The seconds after the load at which the script asked."""
        asked: list[float] = self.page.evaluate("server.asked")
        return asked

    def hold(self) -> None:
        """Answer no request until `release`."""
        self.page.evaluate("server.isHeld = true")

    def release(self) -> None:
        self.page.evaluate("server.isHeld = false; server.release()")

    @property
    def most_open(self) -> int:
        """The highest number of requests that waited for their answers at the same time."""
        most: int = self.page.evaluate("server.mostOpen")
        return most

    def show(self, *, is_shown: bool) -> None:
        """Show or hide the tab."""
        self.page.evaluate(
            """isShown => {
                Object.defineProperty(document, 'hidden', {value: !isShown, configurable: true})
                document.dispatchEvent(new Event('visibilitychange'))
            }""",
            is_shown,
        )
