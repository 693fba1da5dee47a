"""POST /v1/mcp/invoke: calls to one MCP beyond its limits of running and queued calls."""

from concurrent.futures import ThreadPoolExecutor, as_completed

from gateway.config import GatewayConfig
from tests.app.api.mcp.conftest import StartUpstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.client import Response
from tests.app.organizations import Organization

CALLS_MAX = GatewayConfig().calls_per_mcp_max + GatewayConfig().queued_per_mcp_max


def test_a_call_beyond_the_queue_is_refused_and_calls_to_other_mcps_succeed(
    org: Organization, start_upstream: StartUpstream
) -> None:
    slow = start_upstream()
    calls, others = Calls(org, slow.url), Calls(org, start_upstream().url)
    slow.freeze()

    def call(_: int) -> Response:
        return calls.invoke("add", {"numbers": [1]}, timeout=8_000)

    with ThreadPoolExecutor(CALLS_MAX + 6) as threads:
        waiting = [threads.submit(call, number) for number in range(CALLS_MAX + 6)]
        next(done for done in as_completed(waiting) if done.result().status == 429)
        assert others.add(1) == 2
        answers = [each.result() for each in waiting]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) >= 6
    assert {(answer.code, answer.headers["retry-after"]) for answer in refused} == {("rate_limited", "1")}
    assert {answer.code for answer in answers} == {"rate_limited", "mcp_timeout"}
    assert {entry["reason"] for entry in calls.uses(per_page=100)} == {"rate_limited", "mcp_timeout"}


def test_a_refused_call_does_not_use_up_its_idempotency_key(org: Organization, start_upstream: StartUpstream) -> None:
    slow = start_upstream()
    calls = Calls(org, slow.url)
    slow.freeze()
    body = {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {"numbers": [1]}, "timeout": 60_000}

    def call(number: int) -> Response:
        return calls.key.client.post("/v1/mcp/invoke", body, Idempotency_Key=f"number-{number}")

    with ThreadPoolExecutor(CALLS_MAX + 6) as threads:
        calls_made = {threads.submit(call, number): number for number in range(CALLS_MAX + 6)}
        refused = next(done for done in as_completed(calls_made) if done.result().status == 429)
        slow.stop()
    slow.restart()
    again = call(calls_made[refused])
    assert (again.status, again.headers.get("idempotency-replayed")) == (200, None)
