"""The tables of `make bench`: the figures of each service, and their ratios."""

from collections.abc import Iterator, Mapping

from benchmarks.interleaved import Rounds
from benchmarks.request_costs import Figure
from benchmarks.variants import BARE, FRAMEWORK, HAND_WRITTEN, ONE, ONE_LIMITED, TWO, TWO_LIMITED, VARIANTS

_FIGURES: dict[Figure, tuple[str, str]] = {
    "rate": ("rate/s", ",.0f"),
    "p50": ("p50 ms", ",.2f"),
    "p99": ("p99 ms", ",.2f"),
    "api": ("API µs", ",.1f"),
    "postgres": ("PostgreSQL µs", ",.1f"),
    "valkey": ("Valkey µs", ",.1f"),
    "cost": ("total µs", ",.1f"),
}
"""The columns and formats of the figures of a `Sample`."""

_COMPARED: tuple[Figure, ...] = ("rate", "p50", "cost")

_PAIRS = (
    (ONE, HAND_WRITTEN),
    (ONE_LIMITED, HAND_WRITTEN),
    (ONE, BARE),
    (ONE, FRAMEWORK),
    (ONE_LIMITED, ONE),
    (TWO_LIMITED, TWO),
    (TWO, ONE),
    (TWO_LIMITED, ONE_LIMITED),
)


def figures(connections: int, rounds: Rounds) -> Iterator[str]:
    """Yield the lines with the medians of every service that was measured with so many connections."""
    heads = (f"{head:>14}" for head, _ in _FIGURES.values())
    yield f"{f'connections: {connections}':<18}{''.join(heads)}"
    for name in VARIANTS:
        if name in rounds:
            medians = (format(rounds.median(name, figure), form) for figure, (_, form) in _FIGURES.items())
            yield f"{name:<18}{''.join(f'{text:>14}' for text in medians)}"


def ratios(results: Mapping[int, Rounds]) -> Iterator[str]:
    """Yield the lines with the ratios of all pairs. `results` contains the rounds by the number of connections."""
    yield f"{'ratios':<40}{'connections':>12}{'rate':>8}{'p50':>8}{'total µs':>10}"
    for name, other in _PAIRS:
        for connections, rounds in results.items():
            if name in rounds and other in rounds:
                rate, p50, cost = (rounds.ratio(name, other, figure) for figure in _COMPARED)
                yield f"{f'{name} / {other}':<40}{connections:>12}{rate:>8.2f}{p50:>8.2f}{cost:>10.2f}"
