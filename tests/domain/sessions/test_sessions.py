import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.sessions.commands import EndSession, StartSession
from domain.sessions.decider import SESSION
from domain.sessions.errors import SessionExists, SessionNotFound
from domain.sessions.events import SessionEnded, SessionStarted
from domain.sessions.state import Ended, Open
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER, an_id, at
from tests.given import given

SESSION_ID = an_id("ses")
START = StartSession(SESSION_ID, ORGANIZATION_ID, OWNER.id, "link", at=NOW, expires_at=at(3600))
STARTED = SessionStarted(SESSION_ID, ORGANIZATION_ID, OWNER.id, "link", started_at=NOW, expires_at=at(3600))
END = EndSession(OWNER.id, "signed_out", at=at(60))
ENDED = SessionEnded("signed_out", ended_at=at(60))


def test_a_session_can_start_only_once() -> None:
    given(SESSION).when(START).then(STARTED)
    given(SESSION, STARTED).when(START).then_refused(SessionExists)
    given(SESSION, STARTED, ENDED).when(START).then_refused(SessionExists)


def test_a_session_ends_only_once() -> None:
    given(SESSION, STARTED).when(END).then(ENDED)
    given(SESSION, STARTED, ENDED).when(END).then_nothing()


def test_a_user_cannot_end_the_session_of_another_user() -> None:
    foreign = replace(END, user_id=an_id("user", 9))
    given(SESSION).when(END).then_refused(SessionNotFound)
    given(SESSION, STARTED).when(foreign).then_refused(SessionNotFound)
    given(SESSION, STARTED, ENDED).when(foreign).then_refused(SessionNotFound)


def test_the_state_contains_the_user_and_the_expiry() -> None:
    running = Open(SESSION_ID, ORGANIZATION_ID, OWNER.id, "link", started_at=NOW, expires_at=at(3600))
    assert SESSION.fold([STARTED]) == running
    assert SESSION.fold([STARTED, ENDED]) == Ended(running, at(60))


@pytest.mark.parametrize("history", [[ENDED], [STARTED, STARTED], [STARTED, ENDED, ENDED], [STARTED, ENDED, STARTED]])
def test_an_impossible_history_is_detected(history: list[SessionStarted | SessionEnded]) -> None:
    with pytest.raises(ImpossibleHistory):
        SESSION.fold(history)
