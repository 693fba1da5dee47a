"""A pause in requests to an OpenID provider, as requested by the provider."""

import math
import time

from gateway.retry_after import whole_seconds


class Pause:
    """A pause that is over at first. A later, shorter pause never shortens a longer one."""

    def __init__(self) -> None:
        self._ends_at = 0.0

    def start(self, seconds: float) -> None:
        """Send no request for the requested time, within the bounds of `whole_seconds`."""
        self._ends_at = max(self._ends_at, time.monotonic() + whole_seconds(seconds))

    def seconds_left(self) -> int | None:
        """Return for how many seconds no request may be sent; None once the pause is over."""
        left = self._ends_at - time.monotonic()
        return math.ceil(left) if left > 0 else None
