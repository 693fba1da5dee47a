"""How much of a log is applied at once."""


class AdaptiveBatchSize:
    """Learns how many positions a page may have.

    The larger a page, the fewer rows it writes for what it counts; but the server cancels one that takes too long, and
    then its work was in vain. `most`, the positions that the next page may have, doubles while pages of that size take
    less than `seconds`, and halves when one is cancelled. What was learnt is of the process that learnt it.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self._seconds = seconds

    def record(self, size: int, seconds: float) -> None:
        """A page of `size` positions was applied; a smaller one than might have been says nothing of larger ones."""
        if size >= self.most and seconds < self._seconds:
            self.most = 2 * size

    def too_large(self, size: int) -> None:
        """A page of `size` positions was cancelled."""
        self.most = max(size // 2, 1)
