"""A key that many connections use concurrently at full speed, and the results."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tests.stories.wire import Reply, Wire

CONNECTIONS = 16


@dataclass(frozen=True)
class Hammered:
    """The replies. `seconds`: the time from before the first request to after the last response."""

    seconds: float
    replies: Sequence[Reply]

    @property
    def statuses(self) -> Counter[int]:
        return Counter(reply.status for reply in self.replies)

    def contradictions(self, limit: int, burst: int) -> list[str]:
        """Return the impossible values in the headers, given the limit and the burst."""
        found: list[str] = []
        for reply in self.replies:
            stated, left, reset = (
                int(reply.headers[b"x-ratelimit-" + name]) for name in (b"limit", b"remaining", b"reset")
            )
            now = time.time()
            wrong = stated != limit or not 0 <= left < burst or not now - self.seconds - 60 < reset < now + 60
            if reply.status == 429:
                wrong = wrong or left != 0 or int(reply.headers[b"retry-after"]) != 1
            if wrong:
                found.append(f"{reply.status}: limit {stated}, remaining {left}, reset {reset}")
        return found


def hammer(port: int, secret: str, organization_id: str, seconds: float) -> Hammered:
    over = threading.Event()

    def call(_: int) -> list[Reply]:
        replies: list[Reply] = []
        with Wire(port, secret) as wire:
            while not over.is_set():
                replies.append(wire.request("GET", f"/v1/auth/check?organization_id={organization_id}"))
        return replies

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as callers:
        called = [callers.submit(call, number) for number in range(CONNECTIONS)]
        over.wait(seconds)
        over.set()
        replies = [reply for caller in called for reply in caller.result()]
    return Hammered(time.monotonic() - began, replies)


def throttled(uses: Sequence[tuple[datetime, str]], gap_seconds: float) -> tuple[float, int]:
    """Return the seconds in which the limit was exhausted, and the number of uses that it admitted in that time.

    `uses`: instant and code, oldest first. `gap_seconds`: less than the duration of a burst. Between two refusals that
    are not further apart, the limit was never unused, so it must have admitted as many uses as the rate allows.
    """
    refusals = [number for number, (_, code) in enumerate(uses) if code == "rate_limited"]
    seconds, passed = 0.0, 0
    for earlier, later in pairwise(refusals):
        apart = (uses[later][0] - uses[earlier][0]).total_seconds()
        if apart <= gap_seconds:
            seconds += apart
            passed += later - earlier - 1
    return seconds, passed
