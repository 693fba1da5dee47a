"""Log lines that are not repeated."""

from infrastructure.log_throttle import LogOnce, LogThrottle


def test_a_line_is_logged_once_and_the_number_of_lines_is_bounded() -> None:
    is_new = LogOnce(keys_max=3)
    assert [is_new(key) for key in "aabcdeb"] == [True, False, True, True, False, False, False]


def test_a_line_is_repeated_after_the_time() -> None:
    lasting, over = LogThrottle(60.0), LogThrottle(0.0)
    assert [lasting("a"), lasting("a"), lasting("b")] == [True, False, True]
    assert [over("a"), over("a")] == [True, True]


def test_a_forgotten_line_is_logged_again() -> None:
    news = LogThrottle()
    assert [news("a"), news("b")] == [True, True]
    news.forget_one("a")
    assert [news("a"), news("b")] == [True, False]
    news.forget()
    assert news("b")
