"""The checker of histories finds what it is there to find, and nothing else."""

from collections.abc import Sequence

import pytest

from tests.stories.history import Change, Question, Seen, Verification, Violation, violations

FIRST = Question(1)
VALID, DISABLED, ENABLED = Seen("valid", 1), Seen("disabled_key", 2), Seen("valid", 3)
CREATED = Change("key", 0, 1, {FIRST: VALID})
DISABLING = Change("key", 10, 12, {FIRST: DISABLED})
ENABLING = Change("key", 20, 22, {FIRST: ENABLED})


def saw(seen: Seen, began: float, ended: float, question: Question = FIRST) -> Verification:
    return Verification("key", question, began, ended, seen)


def judged(*verifications: Verification, changes: Sequence[Change] = (CREATED, DISABLING, ENABLING)) -> list[Violation]:
    return violations(changes, verifications)


def test_before_during_and_after_a_change() -> None:
    assert not judged(saw(VALID, 2, 3), saw(VALID, 9, 10.5), saw(DISABLED, 10.5, 11), saw(DISABLED, 12.5, 13))


@pytest.mark.parametrize("seen", [VALID, DISABLED, ENABLED])
def test_during_two_changes_any_of_their_states_may_be_seen(seen: Seen) -> None:
    assert not judged(saw(seen, 11, 21))


def test_what_began_after_the_answer_to_a_change_may_not_see_the_time_before() -> None:
    (violation,) = judged(saw(VALID, 12.1, 13))
    assert violation.allowed == (DISABLED,)
    assert "before it began" in violation.why


def test_the_same_code_of_an_older_revision_is_old_too() -> None:
    assert judged(saw(VALID, 23, 24))
    assert not judged(saw(ENABLED, 23, 24))


def test_nobody_sees_a_change_that_has_not_begun() -> None:
    assert judged(saw(DISABLED, 8, 9))


def test_nobody_sees_what_never_was() -> None:
    assert judged(saw(Seen("valid", 2), 11, 13))
    assert judged(saw(VALID, 2, 3, Question(2)))


def test_what_one_has_seen_nobody_after_it_may_miss() -> None:
    first, second = saw(DISABLED, 10.2, 10.4), saw(VALID, 10.6, 11)
    (violation,) = judged(second, first)
    assert violation.verification is second
    assert "earlier verification" in violation.why
    # At the same time is not afterwards.
    assert not judged(saw(DISABLED, 10.2, 10.7), second)


def test_each_key_has_a_history_of_its_own() -> None:
    other = Change("other", 0, 1, {FIRST: VALID})
    look = Verification("other", FIRST, 13, 14, VALID)
    assert not violations([CREATED, DISABLING, other], [look])


def test_two_at_once_are_not_for_this_checker() -> None:
    with pytest.raises(ValueError, match="two at once"):
        judged(saw(VALID, 2, 3), changes=[CREATED, DISABLING, Change("key", 11, 13, {})])
