"""GET /v1/mcps/{id}"""

from infrastructure.database.connections import WORKER_ROLE, connect
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.api.mcps.test_create import MCP
from tests.app.organizations import Api, Organization


def test_an_mcp_is_returned_with_its_revision(org: Organization) -> None:
    mcp_id = org.mcp()
    answer = org.client.get(f"/v1/mcps/{mcp_id}")
    assert (answer.status, answer.data["id"]) == (200, mcp_id)
    assert (answer.headers["etag"], answer.headers["x-revision"]) == ('"1"', "1")


def test_the_detail_has_more_fields_than_the_list(org: Organization) -> None:
    mcp_id = org.mcp()
    found = org.client.get(f"/v1/mcps/{mcp_id}").data
    assert set(found) - MCP == {"health_checked_at", "updated_at", "stats", "tools"}
    assert found["stats"] == {
        "total_requests": 0,
        "requests_today": 0,
        "error_rate": None,
        "avg_latency_ms": None,
    }
    assert (found["health"], found["health_checked_at"], found["tools"]) == ("unknown", None, [])
    assert found["updated_at"] == found["created_at"]


def test_the_stats_count_recorded_calls(api: Api, org: Organization, upstream: Upstream) -> None:
    calls = Calls(org, upstream.url)
    calls.add(1)
    calls.invoke("no_such_tool")

    async def count() -> None:
        async with await connect(api.database.url, role=WORKER_ROLE) as connection:
            await run_projection(connection, USAGE, 10)

    api.database.run(count())
    stats = org.client.get(f"/v1/mcps/{calls.mcp_id}").data["stats"]
    assert (stats["total_requests"], stats["requests_today"], stats["error_rate"]) == (2, 2, 0.5)
    assert 0 < stats["avg_latency_ms"] < 30_000


def test_an_unknown_mcp_and_another_organizations_mcp_get_the_same_404(api: Api, org: Organization) -> None:
    foreign = org.client.get(f"/v1/mcps/{api.organization().mcp()}")
    absent = org.client.get("/v1/mcps/mcp_" + "0" * 26)
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert foreign.without_request_id == absent.without_request_id


def test_an_unknown_query_parameter_is_named(org: Organization) -> None:
    refused = org.client.get(f"/v1/mcps/{org.mcp()}", {"tools": "1"})
    assert refused.details == {"tools": "Unknown field"}
