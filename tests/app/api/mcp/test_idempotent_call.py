"""POST /v1/mcp/invoke and /v1/mcp/resources with an Idempotency-Key: the server is called once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.client import Response, concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization


@pytest.fixture
def calls(org: Organization, upstream: Upstream) -> Calls:
    return Calls(org, upstream.url)


def call(calls: Calls, tool: str, arguments: dict[str, Any], *, key: str = "k", **fields: object) -> Response:
    body = {"mcp_id": calls.mcp_id, "tool": tool, "arguments": arguments, **fields}
    return calls.key.client.post("/v1/mcp/invoke", body, idempotency_key=key)


def add(calls: Calls, *numbers: float, key: str = "k") -> Response:
    return call(calls, "add", {"numbers": list(numbers)}, key=key)


def is_replayed(answer: Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


def answered_calls(api: Api, calls: Calls) -> int:
    """Return the number of calls with a response of the server. A call that only ended has no response bytes."""
    query = "select body from usage_events where key_id = %s and kind = 'completed'"
    return sum(b'"response_bytes":' in bytes(row[0]) for row in api.database.rows(query, calls.key.id))


def test_a_repeated_call_gets_the_first_response_without_a_call_to_the_server(
    api: Api, org: Organization, start_upstream: StartUpstream
) -> None:
    upstream = start_upstream()
    calls = Calls(org, upstream.url)
    first = add(calls, 1, 2.5)
    assert (first.status, is_replayed(first)) == (200, False)
    upstream.stop()
    second = add(calls, 1, 2.5)
    assert (second.status, is_replayed(second), second.content) == (200, True, first.content)


def test_a_repeated_call_is_recorded_as_a_use_without_latency(api: Api, calls: Calls) -> None:
    add(calls, 1)
    add(calls, 1)
    repeated, first = calls.uses()
    assert [use["status"] for use in (first, repeated)] == ["success", "success"]
    assert repeated["latency_ms"] == 0
    assert answered_calls(api, calls) == 1


def test_a_repeated_call_with_a_revoked_key_is_refused(calls: Calls) -> None:
    add(calls, 1)
    calls.org.client.delete(calls.key.path)
    assert add(calls, 1).code == "revoked_key"


def test_another_request_with_the_same_key_is_refused(api: Api, calls: Calls) -> None:
    add(calls, 1)
    refused = add(calls, 2)
    assert (refused.status, refused.code) == (422, "idempotency_mismatch")
    assert answered_calls(api, calls) == 1
    assert calls.uses()[0]["reason"] == "idempotency_mismatch"


def test_requests_with_different_keys_are_different_calls(api: Api, calls: Calls) -> None:
    assert not any(is_replayed(add(calls, 1, key=key)) for key in ("a", "b"))
    assert answered_calls(api, calls) == 2


def test_a_key_belongs_to_its_caller(calls: Calls, org: Organization) -> None:
    add(calls, 1)
    other = org.key(permissions={"mcps": [calls.mcp_id]}).client
    body = {"mcp_id": calls.mcp_id, "tool": "add", "arguments": {"numbers": [1]}}
    assert not is_replayed(other.post("/v1/mcp/invoke", body, idempotency_key="k"))


def test_a_repeated_call_is_refused_while_the_first_is_running(api: Api, calls: Calls) -> None:
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(call, calls, "wait", {"seconds": 3})
        while not api.database.rows("select 1 from idempotency_keys where caller = %s", calls.key.id):
            pass
        repeated = call(calls, "wait", {"seconds": 3})
        assert (repeated.status, repeated.code) == (409, "idempotency_in_flight")
        assert repeated.headers["retry-after"] == "1"
        assert running.result().status == 200
    assert is_replayed(call(calls, "wait", {"seconds": 3}))
    assert answered_calls(api, calls) == 1


def test_only_one_of_concurrent_calls_reaches_the_server(api: Api, calls: Calls) -> None:
    answers = concurrently(range(12), lambda _: add(calls, 1))
    assert {answer.code for answer in answers if answer.status != 200} <= {"idempotency_in_flight"}
    assert sum(answer.status == 200 and not is_replayed(answer) for answer in answers) == 1
    assert answered_calls(api, calls) == 1


def test_a_repeated_call_of_a_failed_tool_gets_its_error(api: Api, calls: Calls) -> None:
    first, second = (call(calls, "fail", {"message": "no luck"}) for _ in range(2))
    assert second.data == first.data
    assert (first.data["result"]["isError"], is_replayed(second)) == (True, True)
    assert answered_calls(api, calls) == 1


def test_a_call_that_timed_out_is_not_made_again(api: Api, calls: Calls) -> None:
    """The tool may have completed its work."""
    first, second = (call(calls, "wait", {"seconds": 30}, timeout=300) for _ in range(2))
    assert (first.status, first.code, is_replayed(first)) == (504, "mcp_timeout", False)
    assert (second.status, second.code, is_replayed(second)) == (504, "mcp_timeout", True)
    assert second.json["detail"] == first.json["detail"]
    kept = "select count(*) from usage_events where key_id = %s and kind = 'completed' and latency_ms > 0"
    assert api.database.rows(kept, calls.key.id) == [(1,)]


def test_a_repeated_call_with_invalid_arguments_gets_the_same_refusal(calls: Calls) -> None:
    first, second = (call(calls, "add", {}) for _ in range(2))
    assert (second.status, second.details, is_replayed(second)) == (422, first.details, True)


def test_a_call_to_an_unreachable_server_can_be_repeated_with_the_same_key(
    org: Organization, upstream: Upstream
) -> None:
    calls = Calls(org, "http://127.0.0.1:9/mcp")
    assert add(calls, 1).code == "mcp_unreachable"
    org.client.patch(f"/v1/mcps/{calls.mcp_id}", {"endpoint_url": upstream.url})
    answer = add(calls, 1)
    assert (answer.status, is_replayed(answer)) == (200, False)


def test_the_outcome_of_a_call_is_unknown_after_the_service_was_killed(start_api: StartApi, upstream: Upstream) -> None:
    api = start_api()
    calls = Calls(api.organization(), upstream.url)
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(call, calls, "wait", {"seconds": 30})
        while not api.database.rows("select 1 from idempotency_keys"):
            pass
        api.server.kill()
        with pytest.raises(httpx2.TransportError):
            lost.result()
    api.server.start()
    assert call(calls, "wait", {"seconds": 30}).code == "idempotency_in_flight"
    api.database.rows("update idempotency_keys set ends_by = now() - interval '1 second'")
    answer = call(calls, "wait", {"seconds": 30})
    assert (answer.status, answer.code, is_replayed(answer)) == (409, "conflict", True)
    (started,) = [use for use in calls.uses() if use["status"] == "started"]
    assert answer.details["call_id"] == started["id"]
    assert answered_calls(api, calls) == 0


def test_a_long_response_is_not_stored_and_the_call_is_not_made_again(api: Api, calls: Calls) -> None:
    first, second = (call(calls, "fail", {"message": "x" * 300_000}) for _ in range(2))
    assert first.status == 200
    assert (second.status, second.code, is_replayed(second)) == (409, "conflict", True)
    assert answered_calls(api, calls) == 1


def test_a_stored_response_is_sealed(api: Api, calls: Calls) -> None:
    call(calls, "fail", {"message": "between us"})
    ((kept,),) = api.database.rows("select answer from idempotency_keys where caller = %s", calls.key.id)
    assert b"between us" not in bytes(kept)
    assert b"isError" not in bytes(kept)


def test_a_key_can_be_reused_after_24_hours(api: Api, calls: Calls) -> None:
    add(calls, 1)
    query = "update idempotency_keys set answered_at = now() - %s::interval where caller = %s"
    api.database.rows(query, "23 hours 59 minutes", calls.key.id)
    assert is_replayed(add(calls, 1))
    api.database.rows(query, "24 hours 1 second", calls.key.id)
    assert not is_replayed(add(calls, 2))
    assert is_replayed(add(calls, 2))


def test_a_repeated_read_of_a_resource_gets_the_first_response(calls: Calls) -> None:
    body = {"mcp_id": calls.mcp_id, "uri": "example://about"}
    first, second = (calls.key.client.post("/v1/mcp/resources", body, idempotency_key="k") for _ in range(2))
    assert (is_replayed(first), is_replayed(second), second.content) == (False, True, first.content)


def test_a_malformed_key_is_refused_before_the_call(calls: Calls) -> None:
    refused = add(calls, 1, key="x" * 256)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"Idempotency-Key"})
    (use,) = calls.uses()
    assert (use["status"], use["reason"]) == ("denied", "invalid_request")
