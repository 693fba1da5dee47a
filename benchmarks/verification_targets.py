"""The targets of verification, as far as a run measured them. Ratios are those to another service in the same run."""

from collections.abc import Iterator, Mapping

from benchmarks.interleaved import Rounds
from benchmarks.request_costs import Figure
from benchmarks.targets import Target
from benchmarks.variants import BARE, FRAMEWORK, HAND_WRITTEN, ONE, ONE_LIMITED, TWO, TWO_LIMITED

_P50_MS_MAX = 2.5
_RATE_MIN = 8_000.0
_BY_HAND_WRITTEN_MIN = 5.0
_P50_BY_HAND_WRITTEN_MAX = 1.0
_BY_EMPTY_MIN = 0.5
_LIMITED_RATE_MIN = 0.9
_LIMITED_P50_MAX = 1.15
_SECOND_PROCESS_COST_MAX = 1.05


def targets(results: Mapping[int, Rounds]) -> list[Target]:
    """Return the targets whose services were measured. `results` contains the rounds by the number of connections."""
    return [*_alone(results), *_by_peers(results), *_by_themselves(results)]


def _alone(results: Mapping[int, Rounds]) -> Iterator[Target]:
    if 1 in results and ONE in results[1]:
        yield Target("p50 at 1 connection", results[1].median(ONE, "p50"), _P50_MS_MAX, " ms", at_least=False)
    for connections in (64, 256):
        if connections in results and ONE in results[connections]:
            rate = results[connections].median(ONE, "rate")
            yield Target(f"verifications at {connections} connections", rate, _RATE_MIN, "/s")


def _by_peers(results: Mapping[int, Rounds]) -> Iterator[Target]:
    yield from _ratio(results, 64, "rate", (ONE, HAND_WRITTEN), _BY_HAND_WRITTEN_MIN)
    yield from _ratio(results, 1, "p50", (ONE, HAND_WRITTEN), _P50_BY_HAND_WRITTEN_MAX, at_least=False)
    for connections in (64, 256):
        yield from _ratio(results, connections, "rate", (ONE, BARE), _BY_EMPTY_MIN)
        yield from _ratio(results, connections, "rate", (ONE, FRAMEWORK), _BY_EMPTY_MIN)


def _by_themselves(results: Mapping[int, Rounds]) -> Iterator[Target]:
    for pair in ((ONE_LIMITED, ONE), (TWO_LIMITED, TWO)):
        for connections in (16, 64):
            yield from _ratio(results, connections, "rate", pair, _LIMITED_RATE_MIN)
        yield from _ratio(results, 1, "p50", pair, _LIMITED_P50_MAX, at_least=False)
    for pair in ((TWO, ONE), (TWO_LIMITED, ONE_LIMITED)):
        for connections in results:
            yield from _ratio(results, connections, "cost", pair, _SECOND_PROCESS_COST_MAX, at_least=False)


def _ratio(
    results: Mapping[int, Rounds],
    connections: int,
    figure: Figure,
    pair: tuple[str, str],
    wanted: float,
    *,
    at_least: bool = True,
) -> Iterator[Target]:
    """Yield the target for the ratio of a figure of the first service to that of the second."""
    rounds = results.get(connections)
    if rounds is not None and all(name in rounds for name in pair):
        words = {"rate": "rate", "p50": "p50", "cost": "processor time"}[figure]
        at = f"{connections} connection{'s' if connections > 1 else ''}"
        measured = rounds.ratio(*pair, figure)
        yield Target(f"{words} of {pair[0]} by that of {pair[1]} at {at}", measured, wanted, at_least=at_least)
