"""Measurements of several services in rounds, and the medians and ratios of their figures.

The speed of a machine can vary by half from one minute to the next. Every round therefore measures all services in
turn, a ratio is computed within a round, and the median over the rounds is reported.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.request_costs import Figure, Sample, Service


class Rounds:
    """The samples of each round, by the name of the service."""

    def __init__(self, samples: Sequence[Mapping[str, Sample]]) -> None:
        self._samples = samples

    def __contains__(self, name: object) -> bool:
        return all(name in each for each in self._samples)

    def median(self, name: str, figure: Figure) -> float:
        """Return the median of a figure of a service."""
        return median(each[name].of(figure) for each in self._samples)

    def ratio(self, name: str, other: str, figure: Figure) -> float:
        """Return the median of the ratios of a figure of one service to that of another one in the same round."""
        return median(each[name].of(figure) / each[other].of(figure) for each in self._samples)


def interleaved(services: Sequence[Service], rounds: int, take: Callable[[Service], Sample]) -> Rounds:
    """Measure all services in each round. Every round starts with another one, so that none is always the first."""
    samples: list[dict[str, Sample]] = []
    for number in range(rounds):
        first = number % len(services)
        samples.append({each.name: take(each) for each in (*services[first:], *services[:first])})
    return Rounds(samples)
