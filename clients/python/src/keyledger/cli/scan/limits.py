"""The end of a scan that finds more than a report can usefully contain, so that it needs bounded memory."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from keyledger.cli.output import plural
from keyledger.cli.scan.keys_in import Match
from keyledger.cli.scan.progress import Progress
from keyledger.secret import Secret

KEYS_MAX: Final = 1_000
LOCATIONS_MAX: Final = 100_000

T = TypeVar("T")


def until_limit(found: Iterable[tuple[T, Match]], work: Progress) -> Iterator[tuple[T, Match]]:
    """Yield matches, up to the largest number of different keys and of locations. Report that there are more."""
    secrets: set[Secret] = set()
    for number, (location, match) in enumerate(found):
        if number == LOCATIONS_MAX or (match.secret not in secrets and len(secrets) == KEYS_MAX):
            work.problem("the rest", f"the scan stops after {plural(len(secrets), 'key')} in {plural(number, 'place')}")
            return
        secrets.add(match.secret)
        yield location, match
