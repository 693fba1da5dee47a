"""The table of responses in `docs/gateways.md`, compared with what the gateways answer."""

import re

import pytest

from tests.gateways.document import as_table, rows_of_table
from tests.gateways.measuring import Answers
from tests.gateways.programs import PROGRAMS, refuse_missing
from tests.waiting import stretched

_SECTION = "What clients receive"
_ADMITTED = ["valid key", "slow database"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_table_shows_what_a_client_receives(name: str, decisions: Answers, outages: Answers) -> None:
    refuse_missing(name)
    (_, *columns), *rows = rows_of_table(_SECTION)
    (place,) = [place for place, column in enumerate(columns, 1) if name in _gateways(column)]
    written = {row[0]: row[place] for row in rows}
    measured = {case: answers[name].cell for case, answers in {**decisions, **outages}.items()}
    assert written == measured, f"{name}\n{as_table([[case, cell] for case, cell in measured.items()])}"


def test_the_table_has_a_column_for_every_gateway() -> None:
    (_, *columns), *_ = rows_of_table(_SECTION)
    named = [name for column in columns for name in _gateways(column)]
    assert set(PROGRAMS) <= set(named)
    assert len(named) == len(set(named))


@pytest.mark.parametrize("name", PROGRAMS)
def test_only_a_request_with_an_accepted_key_reaches_the_upstream(
    name: str, decisions: Answers, outages: Answers
) -> None:
    refuse_missing(name)
    reached = [case for case, answers in {**decisions, **outages}.items() if answers[name].reached]
    assert reached == _ADMITTED


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_outage_is_never_reported_as_the_fault_of_the_key(name: str, outages: Answers) -> None:
    refuse_missing(name)
    assert all(answers[name].status >= 500 for case, answers in outages.items() if case not in _ADMITTED)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "Traefik"])
def test_a_client_waits_at_most_for_the_timeout_of_the_gateway(name: str, outages: Answers) -> None:
    """Traefik waits 30 seconds, which cannot be changed."""
    refuse_missing(name)
    assert max(answers[name].seconds for answers in outages.values()) < stretched(10)


def _gateways(column: str) -> list[str]:
    return re.split(r", | and ", column)
