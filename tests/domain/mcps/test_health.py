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
FAILING = McpHealthChanged("unhealthy", checked_at=at(90), reason="mcp_unreachable")
RECOVERED = McpHealthChanged("healthy", checked_at=at(90))
MOVED = replace(CHANGED, endpoint_url=f"{URL}/2")
REPLACED = replace(CHANGED, credential_replaced=True)


def test_only_a_change_of_health_is_recorded() -> None:
    given(MCP, REGISTERED).when(ANSWERED).then_nothing()
    given(MCP, REGISTERED).when(FAILED).then(FAILING)
    given(MCP, REGISTERED, FAILING).when(FAILED).then_nothing()
    given(MCP, REGISTERED, FAILING).when(ANSWERED).then(RECOVERED)
    given(MCP, REGISTERED, FAILING, RECOVERED).when(ANSWERED).then_nothing()
    given(MCP, REGISTERED, FAILING, RECOVERED).when(FAILED).then(FAILING)


def test_a_health_change_does_not_update_the_modification_time() -> None:
    assert MCP.fold([REGISTERED, FAILING]) == Active(replace(SEARCH, revision=2, unhealthy=True))
    assert MCP.fold([REGISTERED, FAILING, RECOVERED]) == Active(replace(SEARCH, revision=3))


@pytest.mark.parametrize("moved", [MOVED, REPLACED])
def test_a_moved_server_has_unknown_health(moved: McpChanged) -> None:
    state = MCP.fold([REGISTERED, FAILING, moved])
    assert isinstance(state, Active)
    assert (state.mcp.unhealthy, state.mcp.endpoint_changed_at) == (False, at(60))
    given(MCP, REGISTERED, moved).when(replace(FAILED, endpoint_changed_at=at(60))).then(FAILING)


@pytest.mark.parametrize("moved", [MOVED, REPLACED])
def test_a_result_from_before_a_move_is_ignored(moved: McpChanged) -> None:
    given(MCP, REGISTERED, moved).when(FAILED).then_nothing()


def test_a_new_name_is_not_a_move() -> None:
    given(MCP, REGISTERED, FAILING, replace(CHANGED, name="Find")).when(FAILED).then_nothing()
    given(MCP, REGISTERED, FAILING, replace(CHANGED, name="Find")).when(ANSWERED).then(RECOVERED)


def test_health_stays_while_an_mcp_is_inactive() -> None:
    assert MCP.fold([REGISTERED, FAILING, DEACTIVATED]) == Inactive(
        replace(SEARCH, revision=3, updated_at=at(60), unhealthy=True)
    )
    given(MCP, REGISTERED, FAILING, DEACTIVATED).when(ANSWERED).then(RECOVERED)
    given(MCP, REGISTERED, FAILING, DEACTIVATED, ACTIVATED).when(FAILED).then_nothing()


def test_a_missing_or_deleted_mcp_has_no_health() -> None:
    given(MCP).when(FAILED).then_refused(McpNotFound)
    given(MCP, REGISTERED, DELETED).when(FAILED).then_refused(McpNotFound)
    with pytest.raises(ImpossibleHistory):
        MCP.fold([FAILING])
