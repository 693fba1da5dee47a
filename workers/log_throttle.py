"""What was said a moment ago is not said again."""

from time import monotonic

REMEMBERED_MAX = 10_000


class LogThrottle:
    """True for a key that was not asked about during the last `seconds`.

    For log lines about what a job meets every second: the first is news, the next sixty are not.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._said: dict[str, float] = {}

    def __call__(self, key: str) -> bool:
        now = monotonic()
        if now - self._said.get(key, -self._seconds) < self._seconds:
            return False
        if len(self._said) >= REMEMBERED_MAX:
            self._said.clear()
        self._said[key] = now
        return True

    def forget_one(self, key: str) -> None:
        """The next that is said of `key` is news again."""
        self._said.pop(key, None)

    def forget(self) -> None:
        """Whatever comes next is news again."""
        self._said.clear()
