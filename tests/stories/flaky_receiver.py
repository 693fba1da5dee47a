"""A webhook receiver that fails at random: it delays, refuses, or closes the connection without a response."""

import random
import threading
import time
from collections import defaultdict

from tests.workers.receiver import NO_RESPONSE, Received, Receiver

_FAILING = 0.4
_FAILURES_MAX = 2
"""The number of failures for one message; after the third it would wait for minutes."""
_ANSWERS = (500, 503, 429, 404, 302, NO_RESPONSE)
_DELAY_SECONDS_MAX = 0.2


class RandomFailures:
    """The responses of a `Receiver`. `accepted`: the ids of the messages that it has accepted at least once."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 -- no secret
        self._lock = threading.Lock()
        self.accepted: set[str] = set()

    def __call__(self, received: Received) -> int:
        with self._lock:
            fails = received.before < _FAILURES_MAX and self._dice.random() < _FAILING
            seconds, answer = self._dice.uniform(0, _DELAY_SECONDS_MAX), self._dice.choice(_ANSWERS)
        time.sleep(seconds)
        if fails:
            return answer
        with self._lock:
            self.accepted.add(received.id)
        return 204

    def accepted_events(self, target: Receiver) -> dict[str, set[str]]:
        """Return the ids of the accepted messages for each event of the log.

        Fail if a message is not signed, or if an event was sent under several ids.
        """
        with target.lock, self._lock:
            received, accepted = list(target.received), set(self.accepted)
        assert all(each.valid == 1 for each in received)
        ids: dict[str, set[str]] = defaultdict(set)
        for each in received:
            ids[each.body["data"]["event_id"]].add(each.id)
        assert not {event_id: several for event_id, several in ids.items() if len(several) > 1}
        return {event_id: found & accepted for event_id, found in ids.items() if found & accepted}
