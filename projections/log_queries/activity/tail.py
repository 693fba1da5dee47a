"""A tail of uses: every use is returned once, in whatever order the uses become visible.

A use has its time before its batch is committed, so a use can become visible after later ones, and a position in the
order of time would skip it. A tail therefore remembers a settled position, before which no more uses can appear, and
which of the uses after it were returned. Uses are returned as soon as they are visible. Only a tail that has returned
`SEEN_MAX` uses which are not yet settled waits until they are.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from projections.log_queries.activity.entries import Entry, Position

SEEN_MAX = 100
"""The maximum number of uses that a tail remembers, because it is part of a URL. A page has at most as many entries."""

_RANDOM_CHARACTERS = 16


class Tail(Struct, frozen=True):
    """Everything at or before (`at`, `id`) was returned. `seen` are the later uses that were returned.

    `version` is that of the key whose changes were returned. Versions are contiguous and in the order of the commits.
    """

    at: datetime
    id: str
    seen: tuple[str, ...] = ()
    version: int = 0

    @property
    def position(self) -> Position:
        return (self.at, self.id)


def start(newest: Sequence[Entry], last: Position | None, settled: datetime, version: int) -> Tail:
    """Return a tail that begins after a page of `newest` uses. `last` is the position where the page ended, if any.

    A use that becomes visible late, and belongs before the end of the page, is on one of the following pages.
    """
    at, last_id = (settled, "") if last is None else max((settled, ""), last)
    seen = tuple(_random_part(use.id) for use in newest if use.position > (at, last_id))
    return Tail(at, last_id, seen, version)


def advance(
    tail: Tail, found: Sequence[Entry], *, limit: int, searched: Position | None, settled: datetime
) -> tuple[list[Entry], Tail]:
    """Return the uses to return now, at most `limit`, and the tail after them.

    `found` are uses after the settled position, oldest first and without gaps: up to `searched`, or all that are
    visible if it is None.
    """
    known = set(tail.seen)
    fresh = [use for use in found if _random_part(use.id) not in known]
    end = searched
    if len(fresh) > limit:
        fresh = fresh[:limit]
        end = fresh[-1].position if fresh else tail.position
    point = max(tail.position, (settled, "") if end is None else min(end, (settled, "")))
    passed = {_random_part(use.id) for use in found if use.position <= point}
    remembered = tuple(part for part in tail.seen if part not in passed)
    unsettled = [use for use in fresh if use.position > point]
    kept = unsettled[: max(0, SEEN_MAX - len(remembered))]
    returned = [*fresh[: len(fresh) - len(unsettled)], *kept]
    return returned, Tail(*point, (*remembered, *(_random_part(use.id) for use in kept)), tail.version)


def _random_part(event_id: str) -> str:
    """Return the part of an id after its time, which is unique by itself."""
    return event_id[-_RANDOM_CHARACTERS:]
