"""A tail under random delays: every use is returned once, however late it becomes visible."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from domain.ids import new_ids
from domain.usage.events import KeyUsed
from projections.log_queries.activity.entries import Entry
from projections.log_queries.activity.tail import SEEN_MAX, Tail, advance, start
from tests.random_input import random_seed

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
LATE_SECONDS = 10


@pytest.fixture
def rng() -> Random:
    return Random(random_seed())  # noqa: S311 -- no secret


def use(random: Random, at: datetime) -> Entry:
    (event_id,) = new_ids("evt", unix_ms=int(at.timestamp() * 1000), entropies=[random.randbytes(10)])
    return Entry(at, event_id, KeyUsed(event_id, at, "verify", "valid"))


def polls(random: Random, entries: list[tuple[Entry, datetime]], limit: int, scan: int) -> Iterator[list[str]]:
    """Yield what each poll returns. An entry is visible from the time next to it."""
    at, tail = BEGIN, Tail(BEGIN, "")
    end = max(visible for _, visible in entries) + timedelta(seconds=3 * LATE_SECONDS)
    while at < end:
        at += timedelta(seconds=random.uniform(0, 2))
        settled = at - timedelta(seconds=LATE_SECONDS)
        visible = sorted((e for e, since in entries if since <= at and e.position > tail.position), key=_position)
        read = visible[:scan][: limit + len(tail.seen) + 1]
        searched = visible[scan - 1].position if len(read) == scan else None
        returned, tail = advance(tail, read, limit=limit, searched=searched, settled=settled)
        assert len(returned) <= limit
        assert len(tail.seen) <= SEEN_MAX
        yield [each.id for each in returned]


@pytest.mark.parametrize("rate", [0.5, 5, 40])
def test_every_use_is_returned_once_however_late_it_becomes_visible(rng: Random, rate: float) -> None:
    entries: list[tuple[Entry, datetime]] = []
    at = BEGIN
    for _ in range(400):
        if rng.random() < 0.7:  # some uses share their instant
            at += timedelta(microseconds=int(rng.expovariate(rate) * 1e6) + 1)
        entries.append((use(rng, at), at + timedelta(seconds=rng.choice([0, 0, 0, 1, LATE_SECONDS - 2.5]))))
    returned = [each for poll in polls(rng, entries, limit=50, scan=200) for each in poll]
    assert sorted(returned) == sorted(entry.id for entry, _ in entries)


def test_a_tail_after_a_full_page_returns_only_what_belongs_after_it(rng: Random) -> None:
    """An entry before the last one of the page is on the next page, even if it becomes visible late."""
    first, second, third, fourth = (use(rng, BEGIN + timedelta(seconds=n)) for n in range(4))
    tail = start([third, second], second.position, BEGIN - timedelta(seconds=LATE_SECONDS), 1)
    assert tail.position == second.position
    settled = BEGIN + timedelta(seconds=5)
    returned, after = advance(tail, [third, fourth], limit=10, searched=None, settled=settled)
    assert returned == [fourth]
    assert after == Tail(settled, "", (), 1)
    assert first.position < tail.position


def test_a_page_without_room_for_uses_changes_nothing(rng: Random) -> None:
    tail = Tail(BEGIN, "", ("seen",), 3)
    found = [use(rng, BEGIN + timedelta(seconds=1))]
    assert advance(tail, found, limit=0, searched=None, settled=BEGIN + timedelta(seconds=5)) == ([], tail)


def _position(entry: Entry) -> tuple[datetime, str]:
    return entry.position
