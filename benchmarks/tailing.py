"""Tabs that follow the activity of an organization, as the script of the page does, while keys are verified."""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks.serving import Serving
from benchmarks.visitor import Visitor, newest_use
from benchmarks.wrk import load

TABS = 10
SHARE_MIN = 0.97
_DELAYS = (2.0, 4.0, 8.0, 15.0)
"""Seconds until a tab asks again: the first while there are new rows, the last while there are more than it shows."""

_CONNECTIONS = 64
_FILTERS: tuple[Mapping[str, str], ...] = ({}, {"status": "denied"})
"""Half of the tabs show all uses, of which there are more than fit, and half find nothing in all of them."""


class Followed(NamedTuple):
    """Medians of the verifications a second with and without tabs, and of their ratio in each round."""

    alone: float
    followed: float
    ratio: float
    asked: int


def compare(api: Serving, cookie: str, script: Path, rounds: int, seconds: float) -> Followed:
    """Load the API with verifications, alternately without and with tabs."""
    address = f"{api.url}/v1/api-keys/verify"
    load(address, _CONNECTIONS, 2, script)
    alone: list[float] = []
    followed: list[float] = []
    asked = 0
    for number in range(rounds):
        # The order alternates, so that a machine that becomes slower favors neither.
        for with_tabs in (number % 2 == 0, number % 2 == 1):
            if with_tabs:
                with _following(api.url, cookie) as tabs:
                    followed.append(load(address, _CONNECTIONS, seconds, script).rate)
                asked += sum(tab.asked for tab in tabs)
            else:
                alone.append(load(address, _CONNECTIONS, seconds, script).rate)
    ratio = median(with_tabs / without for with_tabs, without in zip(followed, alone, strict=True))
    return Followed(median(alone), median(followed), ratio, asked)


class _Tab(threading.Thread):
    """A tab. It opens its page when it is created, and follows the activity when it is started."""

    def __init__(self, url: str, cookie: str, number: int, over: threading.Event) -> None:
        super().__init__()
        self._visitor = Visitor(url, cookie)
        self._filter = _FILTERS[number % len(_FILTERS)]
        self._first_seconds = number / TABS * _DELAYS[0]
        self._over = over
        self._after = newest_use(self._visitor, f"/activity?{urlencode(self._filter)}")
        self.asked = 0

    def run(self) -> None:
        after = self._after
        self._over.wait(self._first_seconds)
        idle = 0
        while not self._over.is_set():
            answer = self._visitor.get(f"/activity/tail?{urlencode({**self._filter, 'after': after})}")
            after = answer.headers.get("tail-after", after)
            self.asked += 1
            idle = min(idle + 1, len(_DELAYS) - 1) if answer.headers.get("tail-count", "0") == "0" else 0
            if answer.headers.get("tail-more"):
                idle = len(_DELAYS) - 1
            self._over.wait(_DELAYS[idle])


@contextmanager
def _following(url: str, cookie: str) -> Generator[list[_Tab]]:
    """Open the tabs, and let them follow the activity meanwhile."""
    over = threading.Event()
    tabs = [_Tab(url, cookie, number, over) for number in range(TABS)]
    for tab in tabs:
        tab.start()
    try:
        yield tabs
    finally:
        over.set()
        for tab in tabs:
            tab.join()
