"""`python -m eventstore check` compares the list and the health of MCPs with the log, which is invariant I4."""

from typing import LiteralString

import pytest

from domain.mcps.commands import ChangeMcp, DeleteMcp, McpCommand, RecordHealth, RegisterMcp
from domain.mcps.decider import MCP
from domain.plans.plan import PLANS, McpCounts
from eventstore.check import check
from eventstore.execute import Write, execute
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Connection, Pool
from projections.read_models.organizations.counts.queries import mcps_guard
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed

pytestmark = pytest.mark.anyio


async def _execute(connections: Pool, organization_id: str, mcp_id: str, command: McpCommand) -> None:
    def ignore_counts(_: McpCounts) -> McpCommand:
        return command

    write = Write(
        decider=MCP,
        stream_id=mcp_id,
        organization_id=organization_id,
        command=ignore_counts,
        guard=mcps_guard(organization_id, PLANS),
        at=now(),
        origin=Origin(seed.OWNER),
    )
    await execute(connections, write, INLINE)


@pytest.fixture
async def mcp_id(connections: Pool) -> str:
    """An MCP that became unhealthy, was changed and was deactivated, next to a deleted MCP."""
    organization_id = await seed.organization(connections)
    ids = [new_id("mcp"), new_id("mcp")]
    at = now()
    for each in ids:
        register = RegisterMcp(
            mcp_id=each,
            organization_id=organization_id,
            name="Files",
            endpoint_url="https://mcp.example.com/mcp",
            environment="live",
            auth_type="none",
            at=at,
            by=seed.OWNER,
            counts=McpCounts(0, None, "team"),
        )
        await _execute(connections, organization_id, each, register)
    await _execute(connections, organization_id, ids[0], RecordHealth("unhealthy", endpoint_changed_at=at, at=now()))
    await _execute(connections, organization_id, ids[0], ChangeMcp(now(), name="Search", status="inactive"))
    await _execute(connections, organization_id, ids[1], DeleteMcp(now()))
    return ids[0]


async def _violations(owner: Connection) -> list[str]:
    return (await check(owner, INLINE_CHECKS)).violations


async def test_unchanged_rows_agree_with_the_log(owner: Connection, mcp_id: str) -> None:
    assert await _violations(owner) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("update mcp_list set status = 'active' where mcp_id = %s", "differs from the log"),
        ("update mcp_list set endpoint_url = 'https://evil.example/' where mcp_id = %s", "differs from the log"),
        ("update mcp_list set deleted_at = now() where mcp_id = %s", "differs from the log"),
        ("delete from mcp_list where mcp_id = %s", "is missing"),
    ],
)
async def test_a_changed_or_deleted_list_row_is_reported(
    owner: Connection, mcp_id: str, statement: LiteralString, message: str
) -> None:
    await owner.execute(statement, (mcp_id,))
    assert await _violations(owner) == [f"I4 mcp_list {mcp_id}: {message}"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("update mcp_health set health = 'healthy' where mcp_id = %s", "differs from the log"),
        ("update mcp_health set due_at = now() where mcp_id = %s", "differs from the log"),
        ("update mcp_health set moved_at = now() where mcp_id = %s", "differs from the log"),
        ("delete from mcp_health where mcp_id = %s", "is missing"),
    ],
)
async def test_a_changed_or_deleted_health_row_is_reported(
    owner: Connection, mcp_id: str, statement: LiteralString, message: str
) -> None:
    await owner.execute(statement, (mcp_id,))
    assert await _violations(owner) == [f"I4 mcp_health {mcp_id}: {message}"]
