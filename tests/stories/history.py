"""A history of changes and verifications, and a check that it is linearizable (Herlihy and Wing 1990).

Each key is a register that one caller changes. A verification that began after a change was acknowledged must see that
change or a later one. Once a verification has seen a change, no verification that begins afterwards may see an earlier
state. Because each key has one writer, comparing intervals is sufficient. All instants are from one clock, which the
callers read before they send a request and after they have read the response.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Question(NamedTuple):
    """The number of the presented secret, counted from 1, and the MCP."""

    secret: int
    mcp_id: str | None = None


class Seen(NamedTuple):
    code: str
    revision: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change to the state in `answers`, which may be visible from `began` on and must be from `ended` on."""

    key_id: str
    began: float
    ended: float
    answers: Mapping[Question, Seen]


@dataclass(frozen=True, slots=True)
class Verification:
    key_id: str
    question: Question
    began: float
    ended: float
    seen: Seen


@dataclass(frozen=True, slots=True)
class Violation:
    verification: Verification
    allowed: tuple[Seen | None, ...]
    why: str


def violations(changes: Iterable[Change], verifications: Iterable[Verification]) -> list[Violation]:
    """Return every verification that saw an impossible state. The first change of a key is its creation."""
    made: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        made[change.key_id].append(change)
    by_key: defaultdict[str, list[Verification]] = defaultdict(list)
    for verification in verifications:
        by_key[verification.key_id].append(verification)
    return [
        violation
        for key_id, looks in by_key.items()
        for violation in _violations_of_one(sorted(made[key_id], key=lambda change: change.began), looks)
    ]


def _violations_of_one(changes: Sequence[Change], looks: Iterable[Verification]) -> list[Violation]:
    for earlier, later in pairwise(changes):
        if earlier.ended > later.began:
            raise ValueError(
                f"{earlier.key_id} was changed by two callers concurrently, which this check does not support"
            )
    begins = [change.began for change in changes]
    ends = [change.ended for change in changes]
    found: list[Violation] = []
    earliest: dict[int, int] = {}  # the earliest change that each verification can have seen
    seen_before = 0  # the latest of these for verifications that have ended
    by_end = deque(sorted(looks, key=lambda look: look.ended))
    for look in sorted(by_end, key=lambda look: look.began):
        while by_end and by_end[0].ended < look.began:
            seen_before = max(seen_before, earliest[id(by_end.popleft())])
        oldest = max(bisect_left(ends, look.began) - 1, 0)  # the last change that was acknowledged before it began
        newest = bisect_right(begins, look.ended) - 1  # the last change that began before it ended
        window = range(oldest, newest + 1)
        fitting = [number for number in window if changes[number].answers.get(look.question) == look.seen]
        allowed = tuple(changes[number].answers.get(look.question) for number in window)
        if not fitting:
            found.append(Violation(look, allowed, "it saw a state that had ended before it began"))
        elif fitting[-1] < seen_before:
            found.append(
                Violation(look, allowed, "it saw a state that an earlier verification had already seen replaced")
            )
        earliest[id(look)] = max(fitting[0], seen_before) if fitting else 0
    return found
