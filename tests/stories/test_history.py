"""The linearizability check of histories."""

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


def check(*verifications: Verification, changes: Sequence[Change] = (CREATED, DISABLING, ENABLING)) -> list[Violation]:
    return violations(changes, verifications)


def test_the_expected_states_before_during_and_after_a_change_are_accepted() -> None:
    assert not check(saw(VALID, 2, 3), saw(VALID, 9, 10.5), saw(DISABLED, 10.5, 11), saw(DISABLED, 12.5, 13))


@pytest.mark.parametrize("seen", [VALID, DISABLED, ENABLED])
def test_a_verification_during_two_changes_may_see_any_of_their_states(seen: Seen) -> None:
    assert not check(saw(seen, 11, 21))


def test_a_verification_after_an_acknowledged_change_may_not_see_the_earlier_state() -> None:
    (violation,) = check(saw(VALID, 12.1, 13))
    assert violation.allowed == (DISABLED,)
    assert "before it began" in violation.why


def test_the_same_code_with_an_older_revision_is_a_violation() -> None:
    assert check(saw(VALID, 23, 24))
    assert not check(saw(ENABLED, 23, 24))


def test_a_change_that_has_not_begun_may_not_be_seen() -> None:
    assert check(saw(DISABLED, 8, 9))


def test_a_state_that_never_existed_may_not_be_seen() -> None:
    assert check(saw(Seen("valid", 2), 11, 13))
    assert check(saw(VALID, 2, 3, Question(2)))


def test_a_change_that_one_verification_saw_may_not_be_missed_by_a_later_one() -> None:
    first, second = saw(DISABLED, 10.2, 10.4), saw(VALID, 10.6, 11)
    (violation,) = check(second, first)
    assert violation.verification is second
    assert "earlier verification" in violation.why
    # An overlapping verification is not later.
    assert not check(saw(DISABLED, 10.2, 10.7), second)


def test_each_key_has_its_own_history() -> None:
    other = Change("other", 0, 1, {FIRST: VALID})
    look = Verification("other", FIRST, 13, 14, VALID)
    assert not violations([CREATED, DISABLING, other], [look])


def test_concurrent_changes_of_one_key_are_not_supported() -> None:
    with pytest.raises(ValueError, match="concurrently"):
        check(saw(VALID, 2, 3), changes=[CREATED, DISABLING, Change("key", 11, 13, {})])
