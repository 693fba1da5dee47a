"""A key that is used as fast as it goes, by many connections at once, and what came of it."""

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
    """`seconds`: from before the first request to after the last answer."""

    seconds: float
    replies: Sequence[Reply]

    @property
    def statuses(self) -> Counter[int]:
        return Counter(reply.status for reply in self.replies)

    def contradictions(self, limit: int, burst: int) -> list[str]:
        """What the headers say that can not be, given the limit and the most that may come at once."""
        found: list[str] = []
        for reply in self.replies:
            said, left, reset = (
                int(reply.headers[b"x-ratelimit-" + name]) for name in (b"limit", b"remaining", b"reset")
            )
            now = time.time()
            wrong = said != limit or not 0 <= left < burst or not now - self.seconds - 60 < reset < now + 60
            if reply.status == 429:
                wrong = wrong or left != 0 or int(reply.headers[b"retry-after"]) != 1
            if wrong:
                found.append(f"{reply.status}: limit {said}, remaining {left}, reset {reset}")
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
    """For how long the limit stood in the way, and how many uses it let through in that time.

    `uses`: instant and code, oldest first. Between two refusals that are no further apart than `gap_seconds`, less than
    a burst lasts, nothing of the limit was left unused: so many have to have been let through as the rate allows.
    """
    refusals = [number for number, (_, code) in enumerate(uses) if code == "rate_limited"]
    seconds, passed = 0.0, 0
    for earlier, later in pairwise(refusals):
        apart = (uses[later][0] - uses[earlier][0]).total_seconds()
        if apart <= gap_seconds:
            seconds += apart
            passed += later - earlier - 1
    return seconds, passed
