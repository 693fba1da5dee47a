"""The end of a scan that finds more than a report can usefully contain, so that it needs bounded memory."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from keyledger.cli.scan.keys_in import Match
from keyledger.cli.scan.progress import Progress, counted
from keyledger.secret import Secret

KEYS_MAX: Final = 1_000
PLACES_MAX: Final = 100_000

T = TypeVar("T")


def until_limit(found: Iterable[tuple[T, Match]], work: Progress) -> Iterator[tuple[T, Match]]:
    """Yield what was found, up to the largest number of different keys and of places. Report that there is more."""
    secrets: set[Secret] = set()
    for number, (place, match) in enumerate(found):
        if number == PLACES_MAX or (match.secret not in secrets and len(secrets) == KEYS_MAX):
            work.problem("the rest", f"the scan stops after {counted(len(secrets), 'key')} in {number:,} places")
            return
        secrets.add(match.secret)
        yield place, match
