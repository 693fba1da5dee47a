import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.mcps.commands import DeleteMcp, RegisterMcp
from domain.mcps.decider import ENDPOINT_URL_LENGTH_MAX, MCP
from domain.mcps.errors import McpLimitReached, McpNotFound
from domain.mcps.events import McpDeleted, McpEvent, McpRegistered
from domain.mcps.state import Active, Deleted, Mcp
from domain.plans.plan import McpCounts
from domain.refusal import Conflict, Invalid
from tests.domain.sample import LIVE_MCP, NOW, ORGANIZATION_ID, OWNER, at
from tests.given import given

URL = "https://mcp.example.com/mcp"
REGISTER = RegisterMcp(
    mcp_id=LIVE_MCP,
    organization_id=ORGANIZATION_ID,
    name="Search",
    endpoint_url=URL,
    environment="live",
    auth_type="bearer",
    at=NOW,
    by=OWNER,
    counts=McpCounts(used=4, limit=5, plan="free"),
    description="Finds things",
)
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
DELETED = McpDeleted(deleted_at=at(60))
SEARCH = Mcp(LIVE_MCP, ORGANIZATION_ID, "Search", "Finds things", URL, "live", "bearer", NOW, 1, NOW, NOW)


def test_an_mcp_can_be_registered_below_the_plan_limit() -> None:
    given(MCP).when(REGISTER).then(REGISTERED)
    assert MCP.fold([REGISTERED]) == Active(SEARCH)


def test_a_service_that_is_no_mcp_server_is_registered_without_health_checks() -> None:
    given(MCP).when(replace(REGISTER, health_checks=False)).then(replace(REGISTERED, health_checks=False))
    assert MCP.fold([replace(REGISTERED, health_checks=False)]) == Active(replace(SEARCH, health_checks=False))


@pytest.mark.parametrize("used", [5, 6])
def test_an_mcp_beyond_the_plan_limit_is_refused(used: int) -> None:
    full = replace(REGISTER, counts=McpCounts(used=used, limit=5, plan="free"))
    given(MCP).when(full).then_refused(McpLimitReached, limit=5, used=used, plan="free")
    assert McpLimitReached.code == "mcp_limit_reached"


def test_a_plan_without_a_limit_allows_any_number_of_mcps() -> None:
    given(MCP).when(replace(REGISTER, counts=McpCounts(used=10**6, limit=None, plan="team"))).then(REGISTERED)


def test_an_mcp_id_cannot_be_reused() -> None:
    given(MCP, REGISTERED).when(REGISTER).then_refused(Conflict)
    given(MCP, REGISTERED, DELETED).when(REGISTER).then_refused(Conflict)


def test_all_invalid_fields_are_reported_together() -> None:
    command = replace(
        REGISTER, name=" ", description="x" * 501, endpoint_url="https://x/" + "x" * ENDPOINT_URL_LENGTH_MAX
    )
    given(MCP).when(command).then_refused(
        Invalid,
        name="Must not be empty",
        description="Must have at most 500 characters",
        endpoint_url="Must have at most 2000 characters",
    )


def test_an_endpoint_refused_by_the_egress_policy_is_refused() -> None:
    given(MCP).when(replace(REGISTER, endpoint_problem="Must begin with https://")).then_refused(
        Invalid, endpoint_url="Must begin with https://"
    )


def test_a_deleted_mcp_keeps_its_history() -> None:
    given(MCP, REGISTERED).when(DeleteMcp(at(60))).then(DELETED)
    assert MCP.fold([REGISTERED, DELETED]) == Deleted(replace(SEARCH, revision=2, updated_at=at(60)), deleted_at=at(60))


def test_a_missing_or_deleted_mcp_cannot_be_deleted() -> None:
    given(MCP).when(DeleteMcp(at(60))).then_refused(McpNotFound)
    given(MCP, REGISTERED, DELETED).when(DeleteMcp(at(60))).then_refused(McpNotFound)


@pytest.mark.parametrize("history", [[DELETED], [REGISTERED, REGISTERED], [REGISTERED, DELETED, DELETED]])
def test_a_damaged_history_is_impossible(history: list[McpEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        MCP.fold(history)
