"""The script that follows activity: when it asks, when it pauses, and what it does with the answers.

`tests/ui/test_key.py` and `tests/ui/test_activity.py` follow real uses on a running server.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.looks import LIGHT, LIGHT_NARROW, MEDIUM, Look
from tests.ui.site import Site
from tests.ui.tail import AWAY, NOTHING, Tail, refused, rows
from tests.ui.ui import Ui


@pytest.fixture
def tail(ui: Ui, site: Site) -> Tail:
    return Tail(ui.window(site.person("owner")), "/activity")


def top_of(page: Page, row_id: str) -> float:
    """Return the distance of a row from the top of the window."""
    top: float = page.locator(f"#{row_id}").evaluate("row => row.getBoundingClientRect().top")
    return top


def test_the_tail_asks_less_often_while_nothing_happens_and_often_again_afterwards(tail: Tail) -> None:
    tail.run(60)
    assert tail.asked == [2, 6, 14, 29, 44, 59]
    tail.answer(rows(1))
    tail.run(21)
    assert tail.asked[6:] == [74, 76, 80]
    expect(tail.rows.first).to_have_attribute("id", re.compile("^evt_new_"))


@pytest.mark.parametrize("status", [429, 503])
def test_the_tail_waits_as_long_as_the_server_tells_it(tail: Tail, status: int) -> None:
    tail.answer(refused(status, Retry_After="9"))
    tail.run(5)
    for is_shown in (False, True):
        tail.show(is_shown=is_shown)
    for name in ("Pause", "Resume"):
        tail.page.get_by_role("button", name=name).click()
    tail.run(5.9)
    assert tail.asked == [2], "neither a look at another tab nor a pause shortens the wait"
    tail.run(0.1)
    assert tail.asked == [2, 11]
    expect(tail.state).to_have_text("Live")


def test_a_refusal_without_a_time_is_followed_by_a_long_pause(tail: Tail) -> None:
    tail.answer(refused(503))
    tail.run(17)
    assert tail.asked == [2, 17]


def test_the_tail_goes_on_when_the_server_can_be_reached_again(tail: Tail) -> None:
    tail.answer(AWAY, AWAY, rows(1))
    tail.run(7)
    expect(tail.state).to_have_text("Live, updated 7 s ago")
    tail.run(9)
    assert tail.asked == [2, 6, 14, 16]
    expect(tail.state).to_have_text("Live")


def test_a_hidden_tab_asks_nothing_and_asks_immediately_when_it_is_shown(tail: Tail) -> None:
    tail.show(is_shown=False)
    tail.run(40)
    assert tail.asked == []
    tail.show(is_shown=True)
    tail.run(0)
    assert tail.asked == [40]


def test_two_requests_never_overlap(tail: Tail) -> None:
    tail.hold()
    tail.run(3)
    for _ in range(2):
        tail.show(is_shown=False)
        tail.show(is_shown=True)
        tail.page.get_by_role("button", name="Pause").click()
        tail.page.get_by_role("button", name="Resume").click()
        tail.run(20)
    assert tail.asked == [2]
    tail.release()
    tail.run(15)
    assert len(tail.asked) > 1
    assert tail.most_open == 1


def test_a_tail_that_was_left_alone_for_15_minutes_pauses_and_can_be_resumed(tail: Tail) -> None:
    tail.run(2)
    tail.page.clock.fast_forward("14:45")
    expect(tail.state).not_to_have_text("Paused")
    tail.run(30)
    expect(tail.state).to_have_text("Paused")
    asked = tail.asked
    assert asked[-1] <= 15 * 60
    tail.page.clock.fast_forward("30:00")
    assert tail.asked == asked
    tail.page.get_by_role("button", name="Resume").click()
    expect(tail.state).not_to_have_text("Paused")
    tail.run(2)
    assert len(tail.asked) == len(asked) + 1
    expect(tail.page.get_by_role("button", name="Pause")).to_be_visible()


def test_at_most_200_rows_stay_on_the_page_and_the_oldest_leave(tail: Tail) -> None:
    tail.answer(*[rows(50) for _ in range(4)], rows(7))
    tail.run(8)
    expect(tail.rows).to_have_count(200)
    first, last = tail.rows.first.get_attribute("id"), tail.rows.last.get_attribute("id")
    tail.run(2)
    expect(tail.rows).to_have_count(200)
    assert tail.rows.nth(7).get_attribute("id") == first, "new rows come first"
    expect(tail.page.locator(f"#{last}")).to_have_count(0)


@pytest.mark.parametrize("look", [LIGHT, MEDIUM, LIGHT_NARROW], ids=lambda look: look.name)
def test_new_rows_do_not_move_the_row_that_a_person_reads(ui: Ui, site: Site, look: Look) -> None:
    tail = Tail(ui.window(site.person("owner"), look), "/activity")
    tail.answer(*[rows(50) for _ in range(4)], rows(5), rows(1))
    tail.run(8)
    page = tail.page
    read = str(tail.rows.nth(30).get_attribute("id"))
    page.locator(f"#{read}").evaluate("row => row.scrollIntoView({block: 'center'})")
    top = top_of(page, read)
    assert 0 < top < look.height
    tail.run(4)
    expect(tail.rows.nth(36)).to_have_attribute("id", read)
    expect(tail.rows).to_have_count(200)
    assert abs(top_of(page, read) - top) < 1


def test_new_rows_appear_at_the_top_of_a_page_that_is_not_scrolled(tail: Tail) -> None:
    tail.answer(rows(50))
    tail.run(2)
    expect(tail.rows.first).to_be_in_viewport()
    assert tail.page.evaluate("scrollY") == 0


def test_the_tail_waits_while_the_pointer_is_inside_the_table(tail: Tail) -> None:
    tail.page.locator(".table-region").hover()
    expect(tail.state).to_have_text("Paused while you read")
    tail.run(30)
    assert tail.asked == []
    tail.page.mouse.move(1, 1)
    tail.run(2)
    assert len(tail.asked) == 1


def test_the_tail_waits_while_the_focus_is_inside_the_table(tail: Tail) -> None:
    tail.page.locator("[data-tail-rows] a").first.focus()
    tail.run(30)
    expect(tail.state).to_have_text("Paused while you read")
    assert tail.asked == []
    tail.page.locator("#tool").focus()
    tail.run(2)
    assert len(tail.asked) == 1


def test_new_rows_are_announced_politely_and_at_most_every_ten_seconds(tail: Tail) -> None:
    expect(tail.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    expect(tail.status).to_have_role("status")
    tail.answer(rows(2), rows(3), rows(4))
    tail.run(11)
    expect(tail.status).to_have_text("2 new")
    assert tail.rows.first.get_attribute("id") == tail.page.locator("[id^=evt_new]").first.get_attribute("id")
    tail.run(1)
    expect(tail.status).to_have_text("7 new")


def test_a_session_that_has_ended_is_reported_once_and_nothing_is_asked_any_more(tail: Tail) -> None:
    tail.answer(NOTHING, refused(401))
    tail.run(6)
    expect(tail.state).to_have_text("Your session has ended. Sign in")
    expect(tail.state.get_by_role("link", name="Sign in")).to_have_attribute("href", "/sign-in?next=%2Factivity")
    expect(tail.status).to_have_text("Your session has ended.")
    expect(tail.page.get_by_role("button", name="Pause")).to_be_hidden()
    tail.show(is_shown=False)
    tail.show(is_shown=True)
    tail.page.keyboard.press("p")
    tail.run(60)
    assert tail.asked == [2, 6]
    expect(tail.state).to_have_text("Your session has ended. Sign in")


def test_a_page_that_can_no_longer_be_updated_offers_to_reload(tail: Tail) -> None:
    tail.answer(refused(404))
    tail.run(60)
    expect(tail.state).to_have_text("This page can't be updated. Reload")
    assert tail.asked == [2]
