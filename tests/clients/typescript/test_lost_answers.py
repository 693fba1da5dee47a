"""Lost responses, Retry-After and unusable responses, as the Python client handles them."""

import time
from typing import Any

import pytest

from tests.app.api.mcp.conftest import Upstream
from tests.app.organizations import Api, Organization
from tests.clients.flaky_proxy import BUSY, DOWN, FlakyProxy, refusal
from tests.clients.typescript.conftest import CallFailed, Evaluate
from tests.waiting import stretched

CREATE = "return await client.keys.create({ name: given.name });"
CREATE_AND_VERIFY = """
    const created = await client.keys.create({ name: given.name });
    return (await client.verify(created.key)).valid;
"""
LIST = "return (await client.keys.list()).data.length;"
NO_RETRIES = {"retries": {"attempts": 1}}


def _names(org: Organization) -> list[str]:
    return [key["name"] for key in org.client.get("/v1/api-keys").data]


def _failed(evaluate: Evaluate, code: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    with pytest.raises(CallFailed) as failed:
        evaluate(code, **given)
    return failed.value.error


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_response_to_a_creation_leaves_one_key_with_a_new_secret(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate, lost: int
) -> None:
    proxy.actions = ["cut"] * lost
    assert evaluate(CREATE_AND_VERIFY, url=proxy.url, name="Lost")
    assert _names(org).count("Lost") == 1
    assert len(proxy.requests) == lost + 3
    assert len(set(proxy.request_headers("Idempotency-Key"))) == 2, "one for the creation and one for the rotation"


def test_a_lost_secret_of_a_new_key_is_reported_if_the_caller_chose_the_idempotency_key(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    proxy.actions = ["cut"]
    code = """
        try {
          await client.keys.create({ name: "Lost" }, { idempotencyKey: "mine" });
        } catch (error) {
          const rotated = await client.keys.rotate(error.keyId);
          return [error.name, (await client.verify(rotated.key)).valid];
        }
    """
    assert evaluate(code, url=proxy.url) == ["SecretLost", True]
    assert _names(org).count("Lost") == 1


def test_a_request_that_never_arrived_is_retried_and_creates_one_key(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    proxy.actions = ["drop", "drop"]
    assert evaluate(CREATE_AND_VERIFY, url=proxy.url, name="Dropped")
    assert _names(org).count("Dropped") == 1
    assert len(set(proxy.request_headers("Idempotency-Key"))) == 1


def test_each_call_has_its_own_idempotency_key(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    code = """
        await client.keys.create({ name: "One" });
        await client.keys.create({ name: "Two" }, { idempotencyKey: "mine" });
        return null;
    """
    evaluate(code, url=proxy.url)
    first, second = proxy.request_headers("Idempotency-Key")
    assert (len(first), second) == (36, "mine")


@pytest.mark.parametrize("overlap_seconds", [None, 0, 60])
@pytest.mark.parametrize("if_match", [None, 1])
def test_a_lost_response_to_a_rotation_is_followed_by_another_rotation(
    api: Api,
    org: Organization,
    proxy: FlakyProxy,
    evaluate: Evaluate,
    overlap_seconds: int | None,
    if_match: int | None,
) -> None:
    key = org.key()
    proxy.actions = ["cut", "forward", "cut"]
    code = """
        const body = given.overlap === null ? {} : { overlap_seconds: given.overlap };
        const rotated = await client.keys.rotate(given.id, body, { ifMatch: given.ifMatch ?? undefined });
        return (await client.verify(rotated.key)).valid;
    """
    assert evaluate(code, url=proxy.url, id=key.id, overlap=overlap_seconds, ifMatch=if_match)
    assert api.events_of(key.id).count("api_key.rotated") == 3


def test_a_lost_secret_of_a_rotation_is_reported_if_the_caller_chose_the_idempotency_key(
    api: Api, org: Organization, proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    code = 'return await client.keys.rotate(given.id, {}, { idempotencyKey: "mine" });'
    assert _failed(evaluate, code, url=proxy.url, id=key.id)["name"] == "SecretLost"
    assert api.events_of(key.id).count("api_key.rotated") == 1


def test_a_lost_webhook_secret_is_rotated(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    create = """
        const made = await client.webhooks.create({ url: "https://hooks.example.com/keyledger" });
        return [made.id, made.secret.reveal().length > 0, made.secret_version];
    """
    proxy.actions = ["cut"]
    webhook_id, has_secret, version = evaluate(create, url=proxy.url)
    assert (has_secret, version) == (True, 2)
    rotate = """
        const rotated = await client.webhooks.rotate(given.id);
        return [rotated.secret.reveal().length > 0, rotated.secret_version];
    """
    proxy.actions = ["cut"]
    assert evaluate(rotate, url=proxy.url, id=webhook_id) == [True, 4]


def test_a_lost_webhook_secret_is_null_if_the_caller_chose_the_idempotency_key(
    proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    code = """
        const url = "https://hooks.example.com/keyledger";
        return (await client.webhooks.create({ url }, { idempotencyKey: "mine" })).secret;
    """
    proxy.actions = ["cut"]
    assert evaluate(code, url=proxy.url) is None


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("return (await client.keys.revoke(given.id)).status;", "api_key.revoked"),
        ("return (await client.keys.disable(given.id)).status;", "api_key.disabled"),
        (
            'return (await client.keys.update(given.id, { name: "Other" }, { ifMatch: 1 })).name;',
            "api_key.details_changed",
        ),
        ('return (await client.keys.update(given.id, { name: "Other" })).name;', "api_key.details_changed"),
    ],
)
@pytest.mark.parametrize("is_answered", [True, False])
def test_a_change_of_unknown_outcome_is_retried_and_made_once(
    api: Api, org: Organization, proxy: FlakyProxy, evaluate: Evaluate, code: str, event: str, *, is_answered: bool
) -> None:
    """The service made the change, but its response was lost, or was 503 because it could not confirm the change."""
    unknown = '{"error":{"code":"unavailable","message":"Not confirmed.","details":{"outcome":"unknown"}}}'
    key = org.key()
    proxy.actions = [("instead", refusal(503, "Retry-After: 0", body=unknown)) if is_answered else "cut"]
    assert evaluate(code, url=proxy.url, id=key.id) in {"revoked", "disabled", "Other"}
    assert api.events_of(key.id).count(event) == 1
    first, second = proxy.request_headers("Idempotency-Key")
    assert first == second


def test_a_verification_is_retried_after_a_lost_response_and_leaves_two_uses(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    assert evaluate("return (await client.verify(given.secret)).valid;", url=proxy.url, secret=key.secret)
    assert len(org.activity(key, type="api_key.used")) == 2


def test_a_tool_call_is_retried_after_a_503_of_the_service_but_not_after_a_lost_response(
    org: Organization, proxy: FlakyProxy, evaluate: Evaluate, upstream: Upstream
) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    key = org.key(permissions={"mcps": [mcp_id]})
    code = """
        const answer = await client.invoke({ mcp_id: given.mcp_id, tool: "add", arguments: { numbers: [1, 2] } });
        return answer.result.isError ?? false;
    """
    given = {"url": proxy.url, "key": key.secret, "mcp_id": mcp_id}
    proxy.actions = ["cut"]
    error = _failed(evaluate, code, **given)
    assert (error["name"], error["mayHaveHappened"]) == ("Unreachable", True)
    assert len(org.activity(key, type="api_key.used")) == 1
    proxy.actions = [refusal(503, "Retry-After: 0", body=DOWN)]
    assert evaluate(code, url=proxy.url, key=key.secret, mcp_id=mcp_id) is False
    proxy.actions = [refusal(503, body="<html>")]
    error = _failed(evaluate, code, **given)
    assert (error["name"], error["code"]) == ("Unavailable", "proxy_unavailable")


@pytest.mark.parametrize(("status", "body"), [(429, BUSY), (503, DOWN), (503, "<html>"), (429, "")])
def test_the_client_waits_for_retry_after(proxy: FlakyProxy, evaluate: Evaluate, status: int, body: str) -> None:
    proxy.actions = [refusal(status, "Retry-After: 1", body=body)]
    began = time.monotonic()
    evaluate(LIST, url=proxy.url)
    assert 1.0 <= time.monotonic() - began < stretched(3)
    assert len(proxy.requests) == 2


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("Sat, 28 Nov 2026 13:00:00 GMT", 3600),
        ("Saturday, 28-Nov-26 13:00:00 GMT", 3600),
        ("Sat Nov 28 13:00:00 2026", 3600),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0),
        ("tomorrow", None),
        ("Sat, 99 Nov 2026 11:00:00 GMT", None),
        ("Sat, 28 Nov 99999999999999999999 12:00:01 GMT", None),
        ("Sat, 28 Nov 10000 12:00:01 GMT", None),
        ("9" * 400, 1e9),
        ("9" * 12, 1e9),
        ("90", 90),
    ],
)
def test_retry_after_is_read_in_seconds(
    proxy: FlakyProxy, evaluate: Evaluate, after: str, seconds: float | None
) -> None:
    proxy.actions = [refusal(429, "Date: Sat, 28 Nov 2026 12:00:00 GMT", f"Retry-After: {after}", body=BUSY)]
    error = _failed(evaluate, LIST, url=proxy.url, options=NO_RETRIES)
    assert error["name"] == "RateLimited"
    assert error.get("retryAfter") == seconds


def test_a_retry_after_above_the_limit_is_thrown_without_a_retry(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = [refusal(429, "Retry-After: 86400", body=BUSY)]
    error = _failed(evaluate, LIST, url=proxy.url)
    assert (error["name"], error["retryAfter"], error["requestId"]) == ("RateLimited", 86400, "req_1")
    assert len(proxy.requests) == 1


def test_the_number_of_attempts_is_limited(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = [refusal(503, "Retry-After: 0", body=DOWN)] * 9
    assert _failed(evaluate, LIST, url=proxy.url)["name"] == "Unavailable"
    assert len(proxy.requests) == 4


def test_the_client_retries_while_an_earlier_attempt_is_in_progress(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    running = '{"error":{"code":"idempotency_in_flight","message":"Running."}}'
    proxy.actions = [refusal(409, "Retry-After: 0", body=running)]
    assert evaluate(CREATE, url=proxy.url, name="Slow")["name"] == "Slow"


def test_retries_can_be_disabled(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = ["drop"]
    assert _failed(evaluate, LIST, url=proxy.url, options=NO_RETRIES)["name"] == "Unreachable"
    assert len(proxy.requests) == 1


def test_an_unreachable_service_is_reported_as_never_reached(evaluate: Evaluate) -> None:
    with FlakyProxy(1) as gone:
        url = gone.url
    error = _failed(evaluate, CREATE, url=url, name="Unreachable")
    assert (error["name"], error["mayHaveHappened"]) == ("Unreachable", False)
    assert "ECONNREFUSED" in str(error["message"])


SILENT = """
    const { createServer } = await import("node:net");
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const impatient = new keyledger.Keyledger(`http://127.0.0.1:${silent.address().port}`, "x", given.settings);
    try {
      await impatient.keys.list({}, { signal: given.milliseconds && AbortSignal.timeout(given.milliseconds) });
    } catch (error) {
      return [error.name, error.message];
    } finally {
      silent.close();
    }
"""
"""A call of a service that accepts connections and never responds."""


def test_a_response_that_takes_too_long_is_given_up(evaluate: Evaluate) -> None:
    name, message = evaluate(SILENT, settings={**NO_RETRIES, "timeoutSeconds": 0.2})
    assert name == "Unreachable"
    assert "no response within 0.2 s" in message
    assert "It is not known whether the request was carried out." in message


def test_a_signal_ends_a_request(evaluate: Evaluate) -> None:
    name, _ = evaluate(SILENT, settings=NO_RETRIES, milliseconds=200)
    assert name == "TimeoutError"


def test_a_signal_ends_the_retries_of_a_call(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = [refusal(429, "Retry-After: 20", body=BUSY)] * 9
    code = 'await client.keys.list({}, { signal: AbortSignal.timeout(200) }); return "ended";'
    began = time.monotonic()
    assert _failed(evaluate, code, url=proxy.url)["name"] == "TimeoutError"
    assert time.monotonic() - began < 20
    assert len(proxy.requests) == 1
    code = 'await client.keys.list({}, { signal: AbortSignal.abort(new RangeError("mine")) }); return "ended";'
    assert _failed(evaluate, code, url=proxy.url)["name"] == "RangeError"


def test_a_redirect_is_not_followed_with_the_key(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    proxy.actions = [refusal(307, "Location: http://127.0.0.1:9/elsewhere")]
    error = _failed(evaluate, LIST, url=proxy.url)
    assert (error["name"], error["status"]) == ("UnexpectedAnswer", 307)


@pytest.mark.parametrize("body", ["<html>", "{}", '{"data": 3}', '{"data": []}', '{"data": {}, "pagination": {}}'])
def test_an_invalid_response_throws_an_error(proxy: FlakyProxy, evaluate: Evaluate, body: str) -> None:
    proxy.actions = [refusal(200, body=body)]
    assert _failed(evaluate, LIST, url=proxy.url)["name"] == "UnexpectedAnswer"


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (401, "revoked_key", "Unauthorized"),
        (403, "forbidden", "Forbidden"),
        (403, "key_limit_reached", "LimitReached"),
        (404, "not_found", "NotFound"),
        (409, "conflict", "Conflict"),
        (412, "revision_mismatch", "RevisionMismatch"),
        (422, "validation_error", "InvalidRequest"),
        (500, "internal_error", "InternalError"),
        (502, "mcp_error", "McpFailed"),
    ],
)
def test_an_error_response_is_thrown_as_the_class_of_its_kind(
    proxy: FlakyProxy, evaluate: Evaluate, status: int, code: str, name: str
) -> None:
    body = f'{{"error":{{"code":"{code}","message":"No.","details":{{"field":"Wrong"}},"request_id":"req_1"}}}}'
    proxy.actions = [refusal(status, body=body)]
    error = _failed(evaluate, LIST, url=proxy.url)
    assert (error["name"], error["code"], error["status"]) == (name, code, status)
    assert error["text"] == f"{code} ({status}): No. field: Wrong. [req_1]"


def test_an_idempotency_key_that_no_header_can_contain_is_refused(proxy: FlakyProxy, evaluate: Evaluate) -> None:
    code = 'return await client.keys.create({ name: "x" }, { idempotencyKey: "not\\nprintable" });'
    assert _failed(evaluate, code, url=proxy.url)["name"] == "TypeError"
    assert proxy.requests == []
