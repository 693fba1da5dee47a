"""A receiver of webhooks that fails at random: it thinks, refuses, or goes away without an answer."""

import random
import threading
import time
from collections import defaultdict

from tests.workers.receiver import NO_RESPONSE, Received, Receiver

_FAILING = 0.4
_FAILURES_MAX = 2
"""Of one message: after the third failure it would wait for minutes."""
_ANSWERS = (500, 503, 429, 404, 302, NO_RESPONSE)
_THINKING_SECONDS = 0.2


class Fickle:
    """What a `Receiver` answers. `accepted`: ids of the messages that it has taken on at least once."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 -- no secret
        self._lock = threading.Lock()
        self.accepted: set[str] = set()

    def __call__(self, received: Received) -> int:
        with self._lock:
            fails = received.before < _FAILURES_MAX and self._dice.random() < _FAILING
            seconds, answer = self._dice.uniform(0, _THINKING_SECONDS), self._dice.choice(_ANSWERS)
        time.sleep(seconds)
        if fails:
            return answer
        with self._lock:
            self.accepted.add(received.id)
        return 204

    def taken(self, target: Receiver) -> dict[str, set[str]]:
        """By the event of the log that it is about, the ids under which a message was accepted.

        Fails on what must never be: one that is not signed, or an event that came under several ids.
        """
        with target.lock, self._lock:
            received, accepted = list(target.received), set(self.accepted)
        assert all(each.valid == 1 for each in received)
        ids: dict[str, set[str]] = defaultdict(set)
        for each in received:
            ids[each.body["data"]["event_id"]].add(each.id)
        assert not {event_id: several for event_id, several in ids.items() if len(several) > 1}
        return {event_id: found & accepted for event_id, found in ids.items() if found & accepted}
