import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.mcps.commands import RecordHealth
from domain.mcps.decider import MCP
from domain.mcps.errors import McpNotFound
from domain.mcps.events import McpChanged, McpHealthChanged
from domain.mcps.state import Active, Inactive
from tests.domain.mcps.test_change import ACTIVATED, CHANGED, DEACTIVATED, DELETED, REGISTERED, SEARCH, URL
from tests.domain.sample import NOW, at
from tests.given import given

FAILED = RecordHealth("unhealthy", endpoint_changed_at=NOW, at=at(90), reason="mcp_unreachable")
ANSWERED = RecordHealth("healthy", endpoint_changed_at=NOW, at=at(90))
GONE = McpHealthChanged("unhealthy", checked_at=at(90), reason="mcp_unreachable")
BACK = McpHealthChanged("healthy", checked_at=at(90))
MOVED = replace(CHANGED, endpoint_url=f"{URL}/2")
REPLACED = replace(CHANGED, credential_replaced=True)


def test_only_what_changes_is_an_event() -> None:
    given(MCP, REGISTERED).when(ANSWERED).then_nothing()
    given(MCP, REGISTERED).when(FAILED).then(GONE)
    given(MCP, REGISTERED, GONE).when(FAILED).then_nothing()
    given(MCP, REGISTERED, GONE).when(ANSWERED).then(BACK)
    given(MCP, REGISTERED, GONE, BACK).when(ANSWERED).then_nothing()
    given(MCP, REGISTERED, GONE, BACK).when(FAILED).then(GONE)


def test_health_is_no_change_that_anyone_made() -> None:
    assert MCP.fold([REGISTERED, GONE]) == Active(replace(SEARCH, revision=2, unhealthy=True))
    assert MCP.fold([REGISTERED, GONE, BACK]) == Active(replace(SEARCH, revision=3))


@pytest.mark.parametrize("moved", [MOVED, REPLACED])
def test_a_server_that_moved_is_as_good_as_new(moved: McpChanged) -> None:
    state = MCP.fold([REGISTERED, GONE, moved])
    assert isinstance(state, Active)
    assert (state.mcp.unhealthy, state.mcp.endpoint_changed_at) == (False, at(60))
    given(MCP, REGISTERED, moved).when(replace(FAILED, endpoint_changed_at=at(60))).then(GONE)


@pytest.mark.parametrize("moved", [MOVED, REPLACED])
def test_what_was_found_before_a_move_says_nothing(moved: McpChanged) -> None:
    given(MCP, REGISTERED, moved).when(FAILED).then_nothing()


def test_a_new_name_is_no_move() -> None:
    given(MCP, REGISTERED, GONE, replace(CHANGED, name="Find")).when(FAILED).then_nothing()
    given(MCP, REGISTERED, GONE, replace(CHANGED, name="Find")).when(ANSWERED).then(BACK)


def test_health_stays_while_an_mcp_is_inactive() -> None:
    assert MCP.fold([REGISTERED, GONE, DEACTIVATED]) == Inactive(
        replace(SEARCH, revision=3, updated_at=at(60), unhealthy=True)
    )
    given(MCP, REGISTERED, GONE, DEACTIVATED).when(ANSWERED).then(BACK)
    given(MCP, REGISTERED, GONE, DEACTIVATED, ACTIVATED).when(FAILED).then_nothing()


def test_what_is_not_there_has_no_health() -> None:
    given(MCP).when(FAILED).then_refused(McpNotFound)
    given(MCP, REGISTERED, DELETED).when(FAILED).then_refused(McpNotFound)
    with pytest.raises(ImpossibleHistory):
        MCP.fold([GONE])
