"""The middleware of the TypeScript client in real applications: Express, Node.js, web-standard requests and Hono."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import pytest

from keyledger.authenticate import (
    _KEY_CODES,  # pyright: ignore[reportPrivateUsage]
    _RATE_CODES,  # pyright: ignore[reportPrivateUsage]
    Denial,
    _denied,  # pyright: ignore[reportPrivateUsage]
    problem_of,
)
from tests.app.api.api_keys.imports import foreign, imported
from tests.app.organizations import Api, Organization, unknown_secret
from tests.clients.flaky_proxy import Action, FlakyProxy, refusal
from tests.clients.typescript.conftest import CallFailed, Evaluate, Host, Start
from tests.waiting import stretched

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwcm94eSJ9.c2lnbmF0dXJl"

Fetch = Callable[..., httpx2.Response]


@pytest.fixture
def fetch(start: Start) -> Fetch:
    """Send one request to a new application with the given requirements."""

    def fetched(headers: Any = None, path: str = "/", **access: Any) -> httpx2.Response:  # noqa: ANN401 -- headers, JSON
        return _get(start(**access) + path, headers)

    return fetched


def _get(url: str, headers: Any = None) -> httpx2.Response:  # noqa: ANN401 -- headers
    return httpx2.get(url, headers=headers, timeout=stretched(30))


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _code(response: httpx2.Response) -> str:
    code: str = response.json()["error"]["code"]
    return code


@pytest.mark.parametrize("header", ["bearer", "BEARER", "x-api-key"])
def test_a_request_with_a_key_is_admitted_with_its_verification(org: Organization, fetch: Fetch, header: str) -> None:
    key = org.key()
    headers = {"X-API-Key": key.secret} if header == "x-api-key" else {"Authorization": f"{header} {key.secret}"}
    response = fetch({**headers, "User-Agent": "Agent/1"})
    assert (response.status_code, response.text) == (200, key.id)
    (use,) = org.activity(key, type="api_key.used")
    assert (use["ip"], use["user_agent"]) == ("127.0.0.1", "Agent/1")


def test_a_request_without_a_key_gets_401_with_a_challenge(fetch: Fetch) -> None:
    response = fetch()
    assert (response.status_code, _code(response)) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="keyledger"'


def test_a_route_before_the_middleware_needs_no_key(fetch: Fetch) -> None:
    assert fetch(path="/open").text == "open"


def test_a_revoked_key_is_refused_on_the_next_request(org: Organization, start: Start) -> None:
    key = org.key()
    url = start()
    assert [_get(url, _bearer(key.secret)).status_code for _ in range(3)] == [200] * 3
    org.client.delete(key.path)
    response = _get(url, _bearer(key.secret))
    assert (response.status_code, _code(response)) == (401, "revoked_key")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("secret", ["nonsense", "\xfc\xff", "a b", unknown_secret()])
def test_an_unknown_key_is_refused(fetch: Fetch, secret: str) -> None:
    response = fetch({b"x-api-key": secret.encode("latin-1")})
    assert (response.status_code, _code(response)) == (401, "unauthorized")


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {JWT}"), ("X-API-Key", "{key}")],
        [("Authorization", "Basic dXNlcjpwYXNz"), ("X-API-Key", "{key}")],
        [("Authorization", "Bearer {key}"), ("X-API-Key", "something else")],
        [("Authorization", "Bearer {key}"), ("X-API-Key", "{key}")],
        [("Authorization", f"Bearer {JWT}"), ("Authorization", "bearer {key}")],
        [("Authorization", f"Bearer {JWT}, Bearer {{key}}")],
        [("X-API-Key", f"{JWT}"), ("X-API-Key", "{key}")],
    ],
)
def test_the_header_with_a_key_is_used_and_other_credentials_are_not_sent_to_the_service(
    org: Organization, fetch: Fetch, proxy: FlakyProxy, headers: list[tuple[str, str]]
) -> None:
    key = org.key()
    assert fetch([(name, value.format(key=key.secret)) for name, value in headers], url=proxy.url).text == key.id
    assert JWT.encode() not in b"".join(proxy.requests)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {JWT}")],
        [("X-API-Key", JWT)],
        [("Authorization", f"Bearer {JWT}"), ("X-API-Key", JWT)],
        [("Authorization", "Bearer pk_live_0000")],
        [("Authorization", "Bearer " + unknown_secret()[:-1] + "!")],
    ],
)
def test_another_kind_of_credential_is_refused_without_a_request_to_the_service(
    fetch: Fetch, proxy: FlakyProxy, headers: list[tuple[str, str]]
) -> None:
    response = fetch(headers, url=proxy.url)
    assert (response.status_code, _code(response)) == (401, "unauthorized")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert proxy.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer {first}"), ("X-API-Key", "{second}")],
        [("Authorization", "Bearer {first}"), ("Authorization", "Bearer {second}")],
        [("X-API-Key", "{first}, {second}")],
    ],
)
def test_two_different_keys_are_refused(
    org: Organization, fetch: Fetch, proxy: FlakyProxy, headers: list[tuple[str, str]]
) -> None:
    first, second = org.key().secret, org.key().secret
    response = fetch([(name, value.format(first=first, second=second)) for name, value in headers], url=proxy.url)
    assert response.status_code == 401
    assert "different API keys" in response.text
    assert proxy.requests == []


def test_imported_keys_are_accepted_only_if_the_application_says_so(
    org: Organization, fetch: Fetch, proxy: FlakyProxy
) -> None:
    (key_id, secret), key = imported(org), org.key()
    for headers in (_bearer(secret), {"X-API-Key": secret}, {"Authorization": f"Bearer {JWT}", "X-API-Key": secret}):
        assert fetch(headers).status_code == 401
        accepted = fetch(headers, acceptImported=True)
        assert (accepted.status_code, accepted.text) == (200, key_id)
    preferred = fetch({"Authorization": f"Bearer {JWT}", "X-API-Key": key.secret}, url=proxy.url, acceptImported=True)
    assert preferred.text == key.id
    assert JWT.encode() not in b"".join(proxy.requests)
    assert fetch({"X-API-Key": f"{secret}, {foreign()}"}, acceptImported=True).status_code == 401


def test_a_key_without_access_to_the_mcp_or_the_tool_is_refused(org: Organization, fetch: Fetch) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    headers = _bearer(org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}}).secret)
    assert fetch(headers, mcpId=mcp_id, tool="get_file").status_code == 200
    refused = fetch(headers, mcpId=mcp_id, tool="delete_file")
    assert (refused.status_code, _code(refused)) == (403, "tool_not_permitted")
    refused = fetch(headers, mcpId=other)
    assert (refused.status_code, _code(refused)) == (403, "mcp_not_permitted")


def test_the_address_of_the_caller_is_checked_and_recorded(org: Organization, fetch: Fetch) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    for address in ("10.1.2.3", "10.1.2.3:51234", "::ffff:10.1.2.3", "[::ffff:10.1.2.3%eth0]:443"):
        assert fetch(_bearer(key.secret), address=address).status_code == 200
    assert {use["ip"] for use in org.activity(key, type="api_key.used")} == {"10.1.2.3"}
    for address in ("192.0.2.1", "unix socket", "", "unknown", "10.1.2.3, 10.1.2.4", "fe80::1%eth0"):
        refused = fetch(_bearer(key.secret), address=address)
        assert (refused.status_code, _code(refused)) == (403, "ip_not_permitted")


def test_behind_a_proxy_the_address_is_that_which_express_trusts(host: Host, api: Api, org: Organization) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    headers = {**_bearer(key.secret), "X-Forwarded-For": "10.1.2.3"}
    statuses: list[int] = []
    for trusted in ("127.0.0.1", "192.0.2.1"):
        access = {"trustedProxy": trusted}
        url = host.command("start", kind="express", url=api.url, key=org.manager.secret, access=access)
        statuses.append(_get(url, headers).status_code)
    assert statuses == [200, 403]


def test_the_requirements_can_depend_on_the_request(evaluate: Evaluate) -> None:
    code = """
        const { requiresKey: handler } = await import("keyledger/fetch");
        const { requiresKey: middleware } = await import("keyledger/express");
        const asked = [];
        const verify = async (_key, question) => {
          asked.push(question);
          return { valid: true, code: "valid" };
        };
        const access = {
          mcpId: (request, context) => context?.mcp ?? request.mcp,
          tool: (request, context) => context?.tool ?? request.tool,
          address: () => "192.0.2.1",
        };
        const request = new Request("http://x/", { headers: { "X-API-Key": given.secret } });
        const context = { mcp: "mcp_1", tool: "add" };
        const guarded = handler({ verify }, (_request, { tool }) => new Response(tool), access);
        const response = await guarded(request, context);
        const incoming = { mcp: "mcp_2", tool: null, rawHeaders: ["X-API-Key", given.secret] };
        await new Promise((next) => middleware({ verify }, access)(incoming, {}, next));
        return [await response.text(), ...asked];
    """
    answered, first, second = evaluate(code, secret=unknown_secret())
    assert answered == "add"
    assert first == {"mcp_id": "mcp_1", "tool": "add", "ip": "192.0.2.1"}
    assert second == {"mcp_id": "mcp_2", "ip": "192.0.2.1"}


def test_a_requirement_without_a_value_admits_no_request(evaluate: Evaluate) -> None:
    code = """
        const { requiresKey: handler, checkRequest } = await import("keyledger/fetch");
        const { requiresKey: middleware } = await import("keyledger/express");
        const verifier = { verify: async () => ({ valid: true, code: "valid" }) };
        const request = () => new Request("http://x/", { headers: { "X-API-Key": given.secret } });
        const found = [];
        const attempt = async (make) => {
          try {
            found.push((await make()).message ?? "admitted");
          } catch (error) {
            found.push(`${error.name}: ${error.message}`);
          }
        };
        for (const value of [undefined, null, ""]) {
          await attempt(() => middleware(verifier, { mcpId: value }));
          await attempt(() => handler(verifier, () => new Response(), { tool: value }));
        }
        for (const value of [undefined, ""]) {
          const incoming = { ip: "192.0.2.1", rawHeaders: ["X-API-Key", given.secret] };
          await attempt(() => new Promise((next) => middleware(verifier, { mcpId: () => value })(incoming, {}, next)));
          await attempt(() => handler(verifier, () => new Response(), { mcpId: () => value })(request()));
          await attempt(() => checkRequest(verifier, request(), { tool: value }));
        }
        return found;
    """
    found: list[str] = evaluate(code, secret=unknown_secret())
    assert len(found) == 12
    assert [text for text in found if "must be a text" not in text] == []


def test_a_report_that_fails_changes_no_response(evaluate: Evaluate) -> None:
    code = """
        const { KeyledgerError } = await import("keyledger");
        const { checkRequest } = await import("keyledger/fetch");
        const verifier = { verify: async () => { throw new KeyledgerError("down"); } };
        const reports = [async () => { throw new Error("tracker"); }, () => { throw new Error("tracker"); }];
        const statuses = [];
        for (const onFailure of reports) {
          const request = new Request("http://x/", { headers: { "X-API-Key": given.secret } });
          statuses.push((await checkRequest(verifier, request, { onFailure })).status);
        }
        await new Promise((resolve) => setTimeout(resolve, 50)); // an unhandled rejection would end the process
        return statuses;
    """
    assert evaluate(code, secret=unknown_secret()) == [503, 503]


def test_a_header_full_of_blanks_takes_no_time(evaluate: Evaluate) -> None:
    code = """
        const { checkRequest } = await import("keyledger/fetch");
        const headers = { "X-API-Key": `a${" ".repeat(2_000_000)}b` };
        const before = process.cpuUsage().user;
        const response = await checkRequest(client, new Request("http://x/", { headers }));
        return [response.status, process.cpuUsage().user - before];
    """
    status, microseconds = evaluate(code)
    assert status == 401
    assert microseconds < 5_000_000, "quadratic time would take half an hour"


def test_an_error_in_a_function_of_the_application_admits_no_request(evaluate: Evaluate) -> None:
    code = """
        const { requiresKey } = await import("keyledger/express");
        const address = () => {
          throw new RangeError("mine");
        };
        const incoming = { rawHeaders: ["X-API-Key", given.secret] };
        return (await new Promise((next) => requiresKey(client, { address })(incoming, {}, next))).message;
    """
    assert evaluate(code, secret=unknown_secret()) == "mine"


def test_every_request_is_refused_if_the_management_key_may_not_verify(org: Organization, fetch: Fetch) -> None:
    response = fetch(_bearer(org.key().secret), by=org.key().secret)
    assert (response.status_code, _code(response)) == (503, "unavailable")


@pytest.mark.parametrize(
    ("action", "retry_after"),
    [
        ("drop", "1"),
        ("cut", "1"),
        (refusal(503, "Retry-After: 7"), "7"),
        (refusal(200, body="{}"), "1"),
        (refusal(500), "1"),
    ],
)
def test_a_request_is_refused_if_the_service_returns_no_verification(
    org: Organization, fetch: Fetch, proxy: FlakyProxy, action: Action, retry_after: str
) -> None:
    proxy.actions = [action]
    response = fetch(_bearer(org.key().secret), url=proxy.url)
    assert (response.status_code, _code(response)) == (503, "unavailable")
    assert response.headers["retry-after"] == retry_after


def test_every_request_is_refused_with_503_while_the_service_is_down(fetch: Fetch) -> None:
    with FlakyProxy(1) as gone:
        url = gone.url
    response = fetch(_bearer(unknown_secret()), url=url)
    assert (response.status_code, _code(response), response.headers["retry-after"]) == (503, "unavailable", "1")


def test_a_key_beyond_its_rate_limit_gets_429(org: Organization, start: Start) -> None:
    key = org.key(rate_limit={"per_second": 1})
    url = start()
    refused = next(
        response for _ in range(50) if (response := _get(url, _bearer(key.secret))).status_code != HTTPStatus.OK
    )
    assert (refused.status_code, _code(refused), refused.headers["retry-after"]) == (429, "rate_limited", "1")


@pytest.mark.parametrize("code", ["rate_limited", "quota_exceeded"])
def test_an_exceeded_limit_returns_429_with_retry_after(
    org: Organization, fetch: Fetch, proxy: FlakyProxy, code: str
) -> None:
    proxy.actions = [_decision(code)]
    response = fetch(_bearer(org.key().secret), url=proxy.url)
    assert (response.status_code, _code(response)) == (429, code)
    seconds = int(response.headers["retry-after"])
    if code == "rate_limited":
        assert seconds == 1
    else:
        starts = datetime.now(UTC) + timedelta(seconds=seconds + 60)
        first = starts.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        assert starts - first < timedelta(minutes=10), "the count restarts on the first day of the month"
        assert 0 < seconds <= 31 * 86_400


@pytest.mark.parametrize("code", [*_KEY_CODES, *_RATE_CODES, "ip_not_permitted", "a_code_of_tomorrow"])
def test_the_response_to_a_refused_key_is_that_of_the_python_client(fetch: Fetch, proxy: FlakyProxy, code: str) -> None:
    proxy.actions = [_decision(code)]
    response = fetch(_bearer(unknown_secret()), url=proxy.url)
    expected: Denial = _denied(code)
    assert response.status_code == expected.status
    assert response.json() == problem_of(expected)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    for name in expected.headers.keys() - {"Retry-After"}:
        assert response.headers[name] == expected.headers[name]


def _decision(code: str) -> bytes:
    return refusal(200, body='{"data":{"valid":false,"code":"' + code + '"}}')


def test_the_middleware_reports_why_a_key_could_not_be_verified(org: Organization, evaluate: Evaluate) -> None:
    code = """
        const { checkRequest } = await import("keyledger/fetch");
        const request = new Request("http://application/", { headers: { "X-API-Key": given.secret } });
        const failures = [];
        const response = await checkRequest(client, request, { onFailure: (error) => failures.push(error.name) });
        return [response.status, ...failures];
    """
    key = org.key()
    assert evaluate(code, key=key.secret, secret=key.secret) == [503, "Forbidden"]


def test_a_request_that_was_not_verified_has_no_verification(evaluate: Evaluate) -> None:
    code = """
        const { verificationOf } = await import("keyledger/fetch");
        return verificationOf(new Request("http://application/"));
    """
    with pytest.raises(CallFailed, match="was not verified"):
        evaluate(code)
