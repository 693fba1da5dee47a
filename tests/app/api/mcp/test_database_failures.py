"""POST /v1/mcp/invoke: database failures after the response of the server. The caller still gets the response."""

import psycopg

from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.conftest import StartApi
from tests.app.organizations import Api

CANCEL_READING_OF_TOOLS = """
    create function cancel_reading_of_tools() returns boolean language plpgsql volatile as $$
        begin
            if current_query() like '%select tools from mcp_health%' then
                raise exception 'canceling statement due to statement timeout' using errcode = 'query_canceled';
            end if;
            return true;
        end
    $$;
    create policy reading_is_canceled on mcp_health as restrictive for select using (cancel_reading_of_tools());
"""
SHUT_DOWN_AT_COMMIT = """
    create function shut_down() returns trigger language plpgsql as $$
        begin
            raise exception 'terminating connection due to administrator command' using errcode = 'admin_shutdown';
        end
    $$;
    create constraint trigger shuts_down after update on mcp_health deferrable initially deferred
        for each row execute function shut_down();
"""


def _invoke(calls: Calls, tool: str, arguments: dict[str, object]) -> tuple[int, str | None]:
    body = {"mcp_id": calls.mcp_id, "tool": tool, "arguments": arguments}
    answer = calls.key.client.post("/v1/mcp/invoke", body, idempotency_key="k")
    return answer.status, answer.code if answer.status != 200 else None


def test_a_result_is_returned_if_the_stored_tools_cannot_be_read(start_api: StartApi, upstream: Upstream) -> None:
    api = start_api()
    calls = Calls(api.organization(), upstream.url)
    _execute(api, CANCEL_READING_OF_TOOLS)
    assert [_invoke(calls, "fail", {"message": "no luck"}) for _ in range(2)] == [(200, None)] * 2
    assert _answered_calls(api, calls) == 1


def test_a_refusal_is_stored_if_the_update_of_the_stored_tools_is_not_confirmed(
    start_api: StartApi, upstream: Upstream
) -> None:
    api = start_api()
    calls = Calls(api.organization(), upstream.url)
    _execute(api, SHUT_DOWN_AT_COMMIT)
    assert [_invoke(calls, "no_such_tool", {}) for _ in range(2)] == [(404, "not_found")] * 2
    assert _answered_calls(api, calls) == 1


def _execute(api: Api, statements: str) -> None:
    with psycopg.connect(api.database.url, autocommit=True) as owner:
        owner.execute(statements.encode())


def _answered_calls(api: Api, calls: Calls) -> int:
    query = "select body from usage_events where key_id = %s and kind = 'completed'"
    return sum(b'"response_bytes":' in bytes(row[0]) for row in api.database.rows(query, calls.key.id))
