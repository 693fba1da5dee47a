"""POST /v1/mcp/invoke: calls that reach a tool."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.app.api.api_keys.shapes import INSTANT
from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.organizations import Api, Organization


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def test_a_call_returns_the_result_of_the_tool(calls: Calls) -> None:
    answer = calls.invoke("add", {"numbers": [1, 2.5]})
    assert answer.status == 200
    assert set(answer.data) == {"result", "metadata"}
    assert answer.data["result"]["structuredContent"] == {"result": 3.5}
    assert answer.data["result"]["content"] == [{"type": "text", "text": "3.5"}]
    metadata = answer.data["metadata"]
    assert set(metadata) == {"mcp_id", "tool", "latency_ms", "timestamp"}
    assert (metadata["mcp_id"], metadata["tool"]) == (calls.mcp_id, "add")
    assert 0 <= metadata["latency_ms"] < 30_000
    assert re.fullmatch(INSTANT, metadata["timestamp"])


def test_a_call_is_recorded_in_two_steps(api: Api, calls: Calls) -> None:
    latency = calls.invoke("add", {"numbers": [1]}).data["metadata"]["latency_ms"]
    (entry,) = calls.uses()
    assert (entry["action"], entry["status"], entry["tool"]) == ("call", "success", "add")
    assert (entry["mcp_id"], entry["latency_ms"]) == (calls.mcp_id, latency)
    assert entry["actor"] == {"type": "api_key", "id": calls.key.id, "name": "Deploy"}
    query = "select kind, code from usage_events where key_id = %s and action = 'call' order by event_id"
    assert api.database.rows(query, calls.key.id) == [("used", "valid"), ("completed", "success")]


def test_the_error_of_a_tool_is_returned_as_a_result(calls: Calls) -> None:
    answer = calls.invoke("fail", {"message": "no luck"})
    assert answer.status == 200
    assert answer.data["result"]["isError"] is True
    assert "no luck" in answer.data["result"]["content"][0]["text"]
    (entry,) = calls.uses()
    assert (entry["status"], entry["reason"]) == ("error", "tool_error")
    assert entry["latency_ms"] >= 0


def test_a_call_without_arguments_has_empty_arguments(calls: Calls) -> None:
    calls.list_tools()
    answer = calls.key.client.post("/v1/mcp/invoke", {"mcp_id": calls.mcp_id, "tool": "add"})
    assert (answer.status, answer.code, answer.details) == (422, "invalid_arguments", {"numbers": "Is required"})


def test_a_key_in_x_api_key_can_call_a_tool(api: Api, calls: Calls) -> None:
    caller = api.client(X_API_Key=calls.key.secret)
    body = {"mcp_id": calls.mcp_id, "tool": "word_count", "arguments": {"text": "one two"}}
    assert caller.post("/v1/mcp/invoke", body).data["result"]["structuredContent"]["words"] == 2


def test_concurrent_calls_get_their_own_responses(calls: Calls) -> None:
    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(calls.add, range(20)))
    assert results == [number + 1 for number in range(20)]
    assert [entry["status"] for entry in calls.uses(per_page=100)] == ["success"] * 20


def test_a_call_in_progress_does_not_block_other_calls(calls: Calls) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(calls.invoke, "wait", {"seconds": 1.5})
        while not calls.uses():
            pass
        assert calls.uses()[0]["status"] == "started"
        assert calls.add(1) == 2
        assert not waiting.done()
        assert waiting.result().data["result"]["content"][0]["text"] == "waited 1.5 s"
    assert {entry["status"] for entry in calls.uses()} == {"success"}


def test_a_large_argument_arrives_complete(calls: Calls) -> None:
    answer = calls.invoke("word_count", {"text": "word " * 100_000})
    assert answer.data["result"]["structuredContent"]["words"] == 100_000


@pytest.mark.parametrize("text", ["Ünïcode 日本 \U0001f600", "\x01\x7f\u2028", "\0"])
def test_any_text_arrives_unchanged(calls: Calls, text: str) -> None:
    assert calls.invoke("word_count", {"text": text}).data["result"]["structuredContent"]["characters"] == len(text)
