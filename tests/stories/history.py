"""What callers did and saw, and whether one register could have answered so.

Each key is a register that one caller changes. A verification that began after a change was answered has to see that
change or a later one, and once someone saw a change nobody who begins afterwards sees the time before it: the register
is linearizable (Herlihy and Wing 1990), and being written by one caller it is checked by looking at intervals alone.
Instants are those of one clock, taken by the callers: before the request is sent, after the answer was read.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Question(NamedTuple):
    """Which secret of the key was presented (counted from 1), and for which MCP."""

    secret: int
    mcp_id: str | None = None


class Seen(NamedTuple):
    code: str
    revision: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """From `began` on some may see the state that `answers` describes, from `ended` on everyone does."""

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
    """Every verification that saw what it can not have seen. The first change of a key is its creation."""
    made: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        made[change.key_id].append(change)
    asked: defaultdict[str, list[Verification]] = defaultdict(list)
    for verification in verifications:
        asked[verification.key_id].append(verification)
    return [
        violation
        for key_id, looks in asked.items()
        for violation in _violations_of_one(sorted(made[key_id], key=lambda change: change.began), looks)
    ]


def _violations_of_one(changes: Sequence[Change], looks: Iterable[Verification]) -> list[Violation]:
    for earlier, later in pairwise(changes):
        if earlier.ended > later.began:
            raise ValueError(f"{earlier.key_id} was changed by two at once, which this checker can not judge")
    begins = [change.began for change in changes]
    ends = [change.ended for change in changes]
    found: list[Violation] = []
    earliest: dict[int, int] = {}  # by verification: the earliest change that it can have seen
    seen_before = 0  # the latest of those whose verifications had ended
    by_end = deque(sorted(looks, key=lambda look: look.ended))
    for look in sorted(by_end, key=lambda look: look.began):
        while by_end and by_end[0].ended < look.began:
            seen_before = max(seen_before, earliest[id(by_end.popleft())])
        oldest = max(bisect_left(ends, look.began) - 1, 0)  # the last change that was answered before it began
        newest = bisect_right(begins, look.ended) - 1  # the last change that began before it ended
        window = range(oldest, newest + 1)
        fitting = [number for number in window if changes[number].answers.get(look.question) == look.seen]
        allowed = tuple(changes[number].answers.get(look.question) for number in window)
        if not fitting:
            found.append(Violation(look, allowed, "it saw what was over before it began"))
        elif fitting[-1] < seen_before:
            found.append(Violation(look, allowed, "it saw what was over for an earlier verification"))
        earliest[id(look)] = max(fitting[0], seen_before) if fitting else 0
    return found
