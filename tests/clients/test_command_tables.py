"""Tables of `keyledger`: their width, colours, times and progress."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyledger.cli.tables import Column, display_width, layout_of, print_table, printable
from keyledger.cli.times import relative
from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE
from tests.terminals import on_terminal

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
COLUMNS = (
    Column("ID"),
    Column("NAME", is_cut=True),
    Column("STATUS", left_out=1),
    Column("URL", is_cut=True, left_out=2),
)


@pytest.fixture
def environment(api: Api, org: Organization) -> dict[str, str]:
    return {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}


@given(st.lists(st.tuples(*[st.text(max_size=60)] * 4), max_size=5), st.integers(20, 200))
def test_a_table_fits_if_its_shortest_form_does(rows: list[tuple[str, ...]], width: int) -> None:
    layout = layout_of(COLUMNS, rows, width)
    total = sum(layout.widths[number] for number in layout.shown) + 2 * (len(layout.shown) - 1)
    assert {0, 1} <= set(layout.shown), "the id and the name are always shown"
    if total > width:
        assert list(layout.shown) == [0, 1]
        assert layout.widths[1] <= 8
    complete = layout_of(COLUMNS, rows, None)
    assert list(complete.shown) == [0, 1, 2, 3]
    assert all(layout.widths[number] <= complete.widths[number] for number in layout.shown)


def test_columns_are_cut_and_left_out_only_as_far_as_needed() -> None:
    rows = [("key_1", "x" * 30, "active", "u" * 30)]
    assert layout_of(COLUMNS, rows, 100)[:2] == ([0, 1, 2, 3], [5, 30, 6, 30])
    assert layout_of(COLUMNS, rows, 60)[:2] == ([0, 1, 2, 3], [5, 21, 6, 22])
    assert list(layout_of(COLUMNS, rows, 25).shown) == [0, 1, 2]
    assert list(layout_of(COLUMNS, rows, 15).shown) == [0, 1]


def test_every_cell_of_a_pipe_is_complete_even_if_it_is_longer_than_those_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = ("key_" + "2" * 40, "x" * 60, "a state that is long", "u" * 60)
    print_table(COLUMNS, [[("key_1", "A", "active", "u")] * 100, [long]])
    assert capsys.readouterr().out.splitlines()[-1] == "  ".join(long)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\u202eb", "a�[31m�b"),
        ("one\ntwo\ttabs", "one two tabs"),
        ("開発\u3000用", "開発\u3000用"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_a_text_controls_no_terminal_and_keeps_its_letters(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable("a\n\tb\x1b]52;", lines=True) == "a\n\tb�]52;"


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("鍵", 2), ("e\u0301", 1), ("", 0), ("…", 1), ("กำลัง", 4), ("a\u200db", 2)]
)
def test_the_width_of_a_text_is_that_on_a_terminal(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=119), "119 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=60), "60 days ago"),
        (timedelta(days=121), "4 months ago"),
        (timedelta(days=800), "2 years ago"),
        (-timedelta(minutes=5), "in 5 min"),
        (-timedelta(days=89, hours=23), "in 90 days"),
        (-timedelta(days=119), "in 119 days"),
    ],
)
def test_a_time_is_relative_in_its_largest_unit(difference: timedelta, text: str) -> None:
    assert relative(NOW - difference, NOW) == text


def test_states_are_coloured_on_a_terminal_unless_the_user_wants_none(
    org: Organization, environment: dict[str, str]
) -> None:
    key = org.key(name="Agent")
    org.client.delete(key.path)
    shown = on_terminal(["keyledger", "keys", "list"], environment)
    assert "\x1b[31mrevoked" in shown.screen
    assert "\x1b[32mactive" in shown.screen
    created = on_terminal(["keyledger", "keys", "get", key.id], environment).text
    assert re.search(r"^created +now by", created, re.MULTILINE), "times are relative on a terminal"
    for setting in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(["keyledger", "keys", "list"], {**environment, **setting}).screen


def test_a_long_list_shows_its_progress_on_the_terminal_and_its_lines_in_the_file(
    api: Api, environment: dict[str, str]
) -> None:
    org = api.organization()
    for number in range(120):
        org.seeded_key(name=f"Agent {number}")
    given = {**environment, "KEYLEDGER_ADMIN_KEY": org.manager.secret}
    seen = on_terminal(["keyledger", "keys", "list", "--json"], given, only_errors=True)
    assert seen.code == 0
    assert len(seen.piped.splitlines()) == 121
    assert seen.screen == "\r100 items\r121 items\r\x1b[K", "nothing else is printed, and the number is removed"


def test_options_of_all_commands_can_stand_anywhere(environment: dict[str, str]) -> None:
    shown = {
        on_terminal(["keyledger", *words], environment, only_errors=True).piped
        for words in (
            ["--json", "organization", "get"],
            ["organization", "--json", "get"],
            ["organization", "get", "--json"],
        )
    }
    assert len(shown) == 1
    assert shown.pop().startswith('{"id"')
