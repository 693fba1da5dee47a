import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.environment import Environment
from domain.mcps.commands import ChangeMcp, DeleteMcp
from domain.mcps.decider import MCP
from domain.mcps.errors import McpNotFound
from domain.mcps.events import (
    AuthType,
    McpActivated,
    McpChanged,
    McpDeactivated,
    McpDeleted,
    McpEvent,
    McpHealthChanged,
    McpRegistered,
)
from domain.mcps.state import Active, Deleted, Inactive, Mcp
from domain.refusal import Invalid
from tests.domain.sample import LIVE_MCP, NOW, ORGANIZATION_ID, OWNER, at
from tests.given import given

URL = "https://mcp.example.com/mcp"
REGISTERED = McpRegistered(
    mcp_id=LIVE_MCP,
    organization_id=ORGANIZATION_ID,
    name="Search",
    endpoint_url=URL,
    environment="live",
    auth_type="bearer",
    created_at=NOW,
    created_by=OWNER,
    description="Finds things",
)
SEARCH = Mcp(LIVE_MCP, ORGANIZATION_ID, "Search", "Finds things", URL, "live", "bearer", NOW, 1, NOW, NOW)
CHANGED = McpChanged("Search", "Finds things", URL, "live", "bearer", changed_at=at(60))
DEACTIVATED = McpDeactivated(deactivated_at=at(60))
ACTIVATED = McpActivated(activated_at=at(60))
DELETED = McpDeleted(deleted_at=at(60))


def test_every_field_can_be_changed_separately() -> None:
    given(MCP, REGISTERED).when(ChangeMcp(at(60), name="Find")).then(replace(CHANGED, name="Find"))
    given(MCP, REGISTERED).when(ChangeMcp(at(60), description="")).then(replace(CHANGED, description=""))
    given(MCP, REGISTERED).when(ChangeMcp(at(60), endpoint_url=f"{URL}/2")).then(
        replace(CHANGED, endpoint_url=f"{URL}/2")
    )
    environment: Environment = "test"
    given(MCP, REGISTERED).when(ChangeMcp(at(60), environment=environment)).then(
        replace(CHANGED, environment=environment)
    )


def test_health_checks_are_turned_off_and_on() -> None:
    """Observations from before no longer apply."""
    off, on = replace(CHANGED, health_checks=False), replace(CHANGED, changed_at=at(90))
    unhealthy = McpHealthChanged("unhealthy", at(50), "mcp_unreachable")
    given(MCP, REGISTERED).when(ChangeMcp(at(60), health_checks=True)).then_nothing()
    given(MCP, REGISTERED, unhealthy).when(ChangeMcp(at(60), health_checks=False)).then(off)
    given(MCP, REGISTERED, unhealthy, off).when(ChangeMcp(at(60), health_checks=False)).then_nothing()
    given(MCP, REGISTERED, unhealthy, off).when(ChangeMcp(at(90), health_checks=True)).then(on)
    given(MCP, REGISTERED, off).when(ChangeMcp(at(90), name="Find")).then(replace(off, name="Find", changed_at=at(90)))
    state = MCP.fold([REGISTERED, unhealthy, off])
    assert isinstance(state, Active)
    assert (state.mcp.health_checks, state.mcp.unhealthy, state.mcp.endpoint_changed_at) == (False, False, at(60))


def test_a_change_is_applied_to_the_state() -> None:
    changed = McpChanged("Find", "", "https://other.example/", "test", "none", changed_at=at(60))
    assert MCP.fold([REGISTERED, changed]) == Active(
        Mcp(LIVE_MCP, ORGANIZATION_ID, "Find", "", "https://other.example/", "test", "none", NOW, 2, at(60), at(60))
    )


def test_a_change_to_the_current_values_records_nothing() -> None:
    same = ChangeMcp(at(60), "Search", "Finds things", URL, environment="live", status="active")
    given(MCP, REGISTERED).when(same).then_nothing()
    given(MCP, REGISTERED).when(ChangeMcp(at(60))).then_nothing()
    given(MCP, REGISTERED, DEACTIVATED).when(ChangeMcp(at(60), status="inactive")).then_nothing()


@pytest.mark.parametrize("auth_type", ["bearer", "api_key", "basic", "none"])
def test_a_credential_can_be_replaced_or_removed(auth_type: AuthType) -> None:
    given(MCP, REGISTERED).when(ChangeMcp(at(60), auth_type=auth_type)).then(
        replace(CHANGED, auth_type=auth_type, credential_replaced=True)
    )


def test_removing_a_missing_credential_records_nothing() -> None:
    given(MCP, replace(REGISTERED, auth_type="none")).when(ChangeMcp(at(60), auth_type="none")).then_nothing()


@pytest.mark.parametrize(
    "url", ["https://evil.example/mcp", "http://mcp.example.com/mcp", "https://mcp.example.com.evil.example/", "x", ""]
)
def test_a_credential_is_never_sent_to_a_host_it_was_not_given_for(url: str) -> None:
    moved = given(MCP, REGISTERED).when(ChangeMcp(at(60), endpoint_url=url))
    moved.then_refused(
        Invalid, endpoint_url="Is at another host. Send a credential for this host, or set auth_type to none"
    )


def test_an_unreadable_address_is_refused_for_that_reason() -> None:
    command = ChangeMcp(at(60), endpoint_url="https://[x", endpoint_problem="Must have a host")
    given(MCP, REGISTERED).when(command).then_refused(Invalid, endpoint_url="Must have a host")


def test_an_mcp_can_move_with_a_new_credential_or_without_any() -> None:
    url = "https://other.example/mcp"
    moved = replace(CHANGED, endpoint_url=url)
    given(MCP, REGISTERED).when(ChangeMcp(at(60), endpoint_url=url, auth_type="bearer")).then(
        replace(moved, credential_replaced=True)
    )
    given(MCP, replace(REGISTERED, auth_type="none")).when(ChangeMcp(at(60), endpoint_url=url)).then(
        replace(moved, auth_type="none")
    )


def test_all_invalid_fields_are_reported_together() -> None:
    command = ChangeMcp(at(60), name="", description="x" * 501, endpoint_url=URL, endpoint_problem="Must be public")
    given(MCP, REGISTERED).when(command).then_refused(
        Invalid,
        name="Must not be empty",
        description="Must have at most 500 characters",
        endpoint_url="Must be public",
    )


def test_an_mcp_can_be_deactivated_and_activated_again() -> None:
    given(MCP, REGISTERED).when(ChangeMcp(at(60), status="inactive")).then(DEACTIVATED)
    given(MCP, REGISTERED, DEACTIVATED).when(ChangeMcp(at(60), status="active")).then(ACTIVATED)
    inactive = Inactive(replace(SEARCH, revision=2, updated_at=at(60)))
    assert MCP.fold([REGISTERED, DEACTIVATED]) == inactive
    assert MCP.fold([REGISTERED, DEACTIVATED, ACTIVATED]) == Active(replace(inactive.mcp, revision=3))


def test_fields_and_status_can_change_together() -> None:
    command = ChangeMcp(at(60), name="Find", status="inactive")
    given(MCP, REGISTERED).when(command).then(replace(CHANGED, name="Find"), DEACTIVATED)


def test_an_inactive_mcp_can_be_changed_and_stays_inactive() -> None:
    changed = replace(CHANGED, name="Find")
    given(MCP, REGISTERED, DEACTIVATED).when(ChangeMcp(at(60), name="Find")).then(changed)
    assert isinstance(MCP.fold([REGISTERED, DEACTIVATED, changed]), Inactive)


def test_an_inactive_mcp_can_be_deleted() -> None:
    given(MCP, REGISTERED, DEACTIVATED).when(DeleteMcp(at(60))).then(DELETED)
    assert isinstance(MCP.fold([REGISTERED, DEACTIVATED, DELETED]), Deleted)


def test_a_missing_or_deleted_mcp_cannot_be_changed() -> None:
    given(MCP).when(ChangeMcp(at(60), name="Find")).then_refused(McpNotFound)
    given(MCP, REGISTERED, DELETED).when(ChangeMcp(at(60), status="active")).then_refused(McpNotFound)


@pytest.mark.parametrize(
    "history",
    [[CHANGED], [DEACTIVATED], [ACTIVATED], [REGISTERED, DELETED, CHANGED], [REGISTERED, DELETED, ACTIVATED]],
)
def test_a_damaged_history_is_impossible(history: list[McpEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        MCP.fold(history)
