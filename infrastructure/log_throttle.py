"""Log throttling: a message is not repeated within a time, or not at all."""

from time import monotonic

REMEMBERED_MAX = 10_000


class LogThrottle:
    """Returns True for a key that was not passed during the last `seconds`.

    A job meets some conditions every second, and others can cause some with each request. The first occurrence is
    logged, and those of the next minute are not.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._last_passed: dict[str, float] = {}

    def __call__(self, key: str) -> bool:
        now = monotonic()
        if now - self._last_passed.get(key, -self._seconds) < self._seconds:
            return False
        if len(self._last_passed) >= REMEMBERED_MAX:
            self._last_passed.clear()
        self._last_passed[key] = now
        return True

    def forget_one(self, key: str) -> None:
        """Forget `key`, so that its next message is logged."""
        self._last_passed.pop(key, None)

    def forget(self) -> None:
        """Forget all keys, so that their next messages are logged."""
        self._last_passed.clear()


class LogOnce:
    """Returns True for a key that was not passed before. After `keys_max` keys, it returns False for all others.

    Callers choose some keys freely. They must not be able to fill the log.
    """

    def __init__(self, keys_max: int) -> None:
        self._keys_max = keys_max
        self._passed: set[str] = set()

    def __call__(self, key: str) -> bool:
        if key in self._passed or len(self._passed) >= self._keys_max:
            return False
        self._passed.add(key)
        return True
