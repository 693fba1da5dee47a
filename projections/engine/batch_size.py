"""The number of positions that a projection applies in one transaction."""


class AdaptiveBatchSize:
    """Learns how many positions a page may have.

    The larger a page, the fewer rows it writes per counted use. But the server cancels a page that takes too long, and
    its work is lost. `most`, the maximum for the next page, doubles while pages of that size take less than `seconds`,
    and halves when one is cancelled. Each process learns on its own.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self._seconds = seconds

    def record(self, size: int, seconds: float) -> None:
        """Record an applied page of `size` positions. A page below the maximum proves nothing about larger pages."""
        if size >= self.most and seconds < self._seconds:
            self.most = 2 * size

    def too_large(self, size: int) -> None:
        """Note that a page of `size` positions was cancelled."""
        self.most = max(size // 2, 1)
