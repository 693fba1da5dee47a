"""The time for which an OpenID provider asked to be left alone."""

import math
import time

from gateway.retry_after import whole_seconds


class Pause:
    """Over at first. A longer pause is never cut short by a shorter one."""

    def __init__(self) -> None:
        self._ends_at = 0.0

    def begin(self, seconds: float) -> None:
        """Leave the provider alone for as long as it asks, within the bounds of `whole_seconds`."""
        self._ends_at = max(self._ends_at, time.monotonic() + whole_seconds(seconds))

    def seconds_left(self) -> int | None:
        """Return for how many seconds the provider is not to be asked; None once it is over."""
        left = self._ends_at - time.monotonic()
        return math.ceil(left) if left > 0 else None
