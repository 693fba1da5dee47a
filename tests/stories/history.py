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
    """The input of a verification: a secret of the key, numbered from 1, and an MCP or none."""

    secret: int
    mcp_id: str | None = None


class Seen(NamedTuple):
    """The result of a verification: its code, and the revision of the key."""

    code: str
    revision: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A change after which verifications return `answers`.

    They may return them from `began` on, and must return them from `ended` on.
    """

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
    """A verification whose result was impossible. `allowed`: the results that were possible."""

    verification: Verification
    allowed: tuple[Seen | None, ...]
    why: str


def violations(changes: Iterable[Change], verifications: Iterable[Verification]) -> list[Violation]:
    """Return every verification that saw an impossible state. `changes` must include the creation of each key."""
    changes_by_key: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        changes_by_key[change.key_id].append(change)
    verifications_by_key: defaultdict[str, list[Verification]] = defaultdict(list)
    for verification in verifications:
        verifications_by_key[verification.key_id].append(verification)
    return [
        violation
        for key_id, verifications_of_key in verifications_by_key.items()
        for violation in _violations_of_one(
            sorted(changes_by_key[key_id], key=lambda change: change.began), verifications_of_key
        )
    ]


def _violations_of_one(changes: Sequence[Change], verifications: Iterable[Verification]) -> list[Violation]:
    for earlier, later in pairwise(changes):
        if earlier.ended > later.began:
            raise ValueError(
                f"{earlier.key_id} was changed by two callers concurrently, which this check does not support"
            )
    begins = [change.began for change in changes]
    ends = [change.ended for change in changes]
    found: list[Violation] = []
    earliest: dict[int, int] = {}  # by id() of a verification: the earliest change it can have seen
    seen_before = 0  # the latest change in `earliest` of the verifications that ended before this one began
    by_end = deque(sorted(verifications, key=lambda verification: verification.ended))
    for verification in sorted(by_end, key=lambda verification: verification.began):
        while by_end and by_end[0].ended < verification.began:
            seen_before = max(seen_before, earliest[id(by_end.popleft())])
        # The last change that was acknowledged before it began, and the last one that began before it ended.
        oldest = max(bisect_left(ends, verification.began) - 1, 0)
        newest = bisect_right(begins, verification.ended) - 1
        window = range(oldest, newest + 1)
        fitting = [
            number for number in window if changes[number].answers.get(verification.question) == verification.seen
        ]
        allowed = tuple(changes[number].answers.get(verification.question) for number in window)
        if not fitting:
            found.append(Violation(verification, allowed, "it saw a state that had ended before it began"))
        elif fitting[-1] < seen_before:
            found.append(
                Violation(verification, allowed, "it saw a state that an earlier verification had seen replaced")
            )
        earliest[id(verification)] = max(fitting[0], seen_before) if fitting else 0
    return found
