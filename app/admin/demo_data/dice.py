"""Random choices that are the same for the same seed."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from domain.ids import ENTROPY_BYTES, Kind, new_id, new_ids

T = TypeVar("T")

_TAIL_BYTES = ENTROPY_BYTES - 2


class Dice:
    """Draws from one seed. Instants have whole milliseconds, as ids do."""

    def __init__(self, *seed: object) -> None:
        self._random = random.Random("\n".join(map(str, seed)))  # noqa: S311 -- no secret

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def between(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def whole(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def one_of(self, values: Sequence[T]) -> T:
        return self._random.choice(values)

    def some_of(self, values: Sequence[T], number: int) -> list[T]:
        return self._random.sample(values, number)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        return self._random.sample(values, len(values))

    def weighted(self, values: Sequence[T], sums: Sequence[float]) -> T:
        """Return one of `values`. `sums` are their weights, each added to all before it."""
        return self._random.choices(values, cum_weights=sums)[0]

    def around(self, median: float, spread: float) -> float:
        """Return a positive number: half of them are below `median`, and a few are far above it."""
        return median * self._random.lognormvariate(0, spread)

    def instant(self, first: datetime, last: datetime) -> datetime:
        return first + timedelta(
            milliseconds=self._random.randrange(max(1, (last - first) // timedelta(milliseconds=1)))
        )

    def entropy(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def id_of(self, kind: Kind, at: datetime) -> str:
        """Return an id that was made at `at`."""
        return new_id(kind, unix_ms=_unix_ms(at), entropy=self.entropy(ENTROPY_BYTES))

    def event_ids(self, count: int, at: datetime) -> list[str]:
        """Return ids of events of one instant, which sort in the order returned."""
        entropies = [ordinal.to_bytes(2, "big") + self.entropy(_TAIL_BYTES) for ordinal in range(count)]
        return new_ids("evt", unix_ms=_unix_ms(at), entropies=entropies)


def _unix_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
