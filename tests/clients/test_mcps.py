import pytest

from keyledger import McpFailed, NotFound, Permissions
from tests.app.api.mcp.conftest import Upstream
from tests.app.organizations import Api, Organization
from tests.clients.conftest import Caller, Connect


def test_an_mcp_is_registered_read_listed_and_deleted(manager: Caller) -> None:
    made = [
        manager.do(lambda c, n=number: c.mcps.create(f"Files {n}", "https://mcp.example.com/mcp", description="All"))
        for number in range(3)
    ]
    found = manager.do(lambda c: c.mcps.get(made[0].id))
    assert (found.id, found.name, found.description) == (made[0].id, "Files 0", "All")
    assert [mcp.id for mcp in manager.every(lambda c: c.mcps.iterate(per_page=2))] == [mcp.id for mcp in made[::-1]]
    assert manager.do(lambda c: c.mcps.list(per_page=2)).pagination.total == 3
    assert manager.do(lambda c: c.mcps.delete(made[0].id)).deleted
    with pytest.raises(NotFound):
        manager.do(lambda c: c.mcps.get(made[0].id))


def test_a_service_that_is_no_mcp_server_is_registered_without_health_checks(manager: Caller) -> None:
    made = manager.do(lambda c: c.mcps.create("Orders", "https://orders.example.com", health_checks=False))
    assert (made.health_checks, made.health) == (False, "unknown")
    assert manager.do(lambda c: c.mcps.update(made.id, health_checks=True)).health_checks


def test_a_tool_is_called_with_a_new_key(api: Api, manager: Caller, connect: Connect, upstream: Upstream) -> None:
    mcp = manager.do(lambda c: c.mcps.create("Example", upstream.url))
    key = manager.do(lambda c: c.keys.create("Agent", permissions=Permissions(mcps=(mcp.id,))))
    agent = connect(api.url, key.key.reveal())
    done = agent.do(lambda c: c.invoke(mcp.id, "add", {"numbers": [1, 2, 3.5]}))
    assert done.result["structuredContent"] == {"result": 6.5}
    assert not done.is_error
    assert (done.metadata.mcp_id, done.metadata.tool) == (mcp.id, "add")


def test_an_unreachable_server_raises_an_error(org: Organization, manager: Caller) -> None:
    mcp_id = org.mcp(endpoint_url="http://127.0.0.1:9/mcp")
    with pytest.raises(McpFailed) as raised:
        manager.do(lambda c: c.invoke(mcp_id, "add"))
    assert raised.value.code == "mcp_unreachable"


def test_liveness_and_readiness_are_returned(manager: Caller) -> None:
    assert manager.do(lambda c: c.get_liveness()).status == "live"
    ready = manager.do(lambda c: c.get_readiness())
    assert ready.is_ready
    assert ready.checks["database"] == "ok"


def test_an_mcp_is_tested_changed_and_deactivated(manager: Caller, upstream: Upstream) -> None:
    mcp = manager.do(lambda c: c.mcps.create("Example", upstream.url))
    probe = manager.do(lambda c: c.mcps.test(mcp.id))
    assert probe.reachable
    assert probe.tools_count > 0
    found = manager.do(lambda c: c.mcps.get(mcp.id))
    assert found.health == "healthy"
    assert "add" in {tool.name for tool in found.tools}
    assert found.stats.total_requests == 0
    changed = manager.do(lambda c: c.mcps.update(mcp.id, name="Closed", status="inactive", if_match=mcp.revision))
    assert (changed.name, changed.status) == ("Closed", "inactive")
    assert [m.id for m in manager.every(lambda c: c.mcps.iterate(status="inactive"))] == [mcp.id]


def test_a_resource_is_read(org: Organization, manager: Caller, upstream: Upstream) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    contents = manager.do(lambda c: c.read_resource(mcp_id, "example://about")).contents
    assert contents[0]["uri"] == "example://about"
