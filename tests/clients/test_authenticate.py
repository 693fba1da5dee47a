"""The ASGI middleware and the Litestar guard in real applications."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException

from app.http.error_catalogue import ERRORS
from keyledger import NO_RETRIES, AsyncKeyledger
from keyledger.asgi import KeyledgerMiddleware
from keyledger.authenticate import (
    _KEY_CODES,  # pyright: ignore[reportPrivateUsage]
    _RATE_CODES,  # pyright: ignore[reportPrivateUsage]
    _until_next_month,  # pyright: ignore[reportPrivateUsage]
)
from keyledger.litestar import KeyDenied, requires_key, verification_of
from tests.app.api.api_keys.imports import imported
from tests.app.organizations import Api, Organization, unknown_secret
from tests.clients.flaky_proxy import Action, FlakyProxy, refusal

Fetch = Callable[..., httpx2.Response]
Build = Callable[..., Any]


async def _bare(scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
    verification = scope.get("state", {}).get("keyledger")
    body = b"open" if verification is None else verification.key_id.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _middleware(client: AsyncKeyledger, **needs: Any) -> Any:  # noqa: ANN401 -- ASGI
    return KeyledgerMiddleware(_bare, client, exclude=["/open", "/docs/*"], **needs)


def _guarded(client: AsyncKeyledger, **needs: Any) -> Any:  # noqa: ANN401 -- ASGI
    @get("/", guards=[requires_key(client, **needs)], sync_to_thread=False)
    def closed(request: Request[Any, Any, Any]) -> str:
        return verification_of(request).key_id or ""

    @get("/open", sync_to_thread=False)
    def opened() -> str:
        return "open"

    return Litestar([closed, opened], openapi_config=None)


@pytest.fixture(params=[_middleware, _guarded])
def build(request: pytest.FixtureRequest) -> Build:
    """Create an application that requires a key at / but not at /open."""
    chosen: Build = request.param
    return chosen


@pytest.fixture
def fetch(build: Build, api: Api, org: Organization) -> Fetch:
    """Send requests to the application, which verifies keys with the service at `url`, by default the real one."""

    def send(path: str = "/", *, url: str = api.url, by: str = org.manager.secret, **needs: Any) -> httpx2.Response:  # noqa: ANN401
        headers = needs.pop("headers", {})
        address = needs.pop("address", "127.0.0.1")

        async def answer() -> httpx2.Response:
            async with AsyncKeyledger(url, by, retries=NO_RETRIES) as client:
                transport = httpx2.ASGITransport(build(client, **needs), client=(address, 1))
                async with httpx2.AsyncClient(transport=transport, base_url="http://app") as http:
                    return await http.get(path, headers=headers)

        return asyncio.run(answer())

    return send


def _of_request(_: object, required: str | None) -> str | None:
    return required


def test_a_requirement_can_be_a_function_of_the_request(fetch: Fetch, org: Organization) -> None:
    mcp_id = org.mcp()
    limited = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_page"], "deny": []}}})
    for tool, status in (("get_page", 200), ("search", 403), (None, 200)):
        needs = {"mcp_id": partial(_of_request, required=mcp_id), "tool": partial(_of_request, required=tool)}
        answer = fetch(headers=_bearer(limited.secret), **needs)
        assert answer.status_code == status


@pytest.mark.parametrize("name", ["mcp_id", "tool"])
@pytest.mark.parametrize(("missing", "error"), [(None, TypeError), ("", ValueError)])
def test_a_requirement_without_a_value_is_refused(
    build: Build, name: str, missing: str | None, error: type[Exception]
) -> None:
    client = AsyncKeyledger("http://127.0.0.1:9", "pk_test_unused")
    with pytest.raises(error, match=f"^{name} must .*Is a variable not set?"):
        build(client, **{name: missing})


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _code(response: httpx2.Response) -> str:
    body = response.json()
    code: str = (body.get("error") or body["extra"])["code"]
    return code


@pytest.mark.parametrize("header", ["bearer", "BEARER", "x-api-key"])
def test_a_request_with_a_key_is_admitted_with_its_verification(org: Organization, fetch: Fetch, header: str) -> None:
    key = org.key()
    headers = {"X-API-Key": key.secret} if header == "x-api-key" else {"Authorization": f"{header} {key.secret}"}
    response = fetch(headers={**headers, "User-Agent": "Agent/1"})
    assert (response.status_code, response.text) == (200, key.id)
    (use,) = org.activity(key, type="api_key.used")
    assert (use["ip"], use["user_agent"]) == ("127.0.0.1", "Agent/1")


def test_a_request_without_a_key_gets_401_with_a_challenge(fetch: Fetch) -> None:
    response = fetch()
    assert (response.status_code, _code(response)) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="keyledger"'


def test_an_open_path_needs_no_key(fetch: Fetch) -> None:
    assert fetch("/open").text == "open"


def test_a_revoked_key_is_refused_on_the_next_request(org: Organization, fetch: Fetch) -> None:
    key = org.key()
    assert fetch(headers=_bearer(key.secret)).status_code == 200
    org.client.delete(key.path)
    response = fetch(headers=_bearer(key.secret))
    assert (response.status_code, _code(response)) == (401, "revoked_key")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("secret", ["nonsense", "\xfc\xff", "a b", unknown_secret()])
def test_an_unknown_key_is_refused(fetch: Fetch, secret: str) -> None:
    response = fetch(headers={b"x-api-key": secret.encode("latin-1")})
    assert (response.status_code, _code(response)) == (401, "unauthorized")


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwcm94eSJ9.c2lnbmF0dXJl"


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
    sent = [(name, value.format(key=key.secret)) for name, value in headers]
    assert fetch(url=proxy.url, headers=sent).text == key.id
    assert JWT.encode() not in b"".join(proxy.requests)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {JWT}")],
        [("X-API-Key", JWT)],
        [("Authorization", f"Bearer {JWT}"), ("X-API-Key", JWT)],
        [("Authorization", "Bearer pk_live_0000")],
    ],
)
def test_another_kind_of_credential_is_refused_without_a_request_to_the_service(
    fetch: Fetch, proxy: FlakyProxy, headers: list[tuple[str, str]]
) -> None:
    response = fetch(url=proxy.url, headers=headers)
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
    response = fetch(
        url=proxy.url, headers=[(name, value.format(first=first, second=second)) for name, value in headers]
    )
    assert response.status_code == 401
    assert "different API keys" in response.text
    assert proxy.requests == []


def test_imported_keys_are_accepted_only_if_the_application_says_so(org: Organization, fetch: Fetch) -> None:
    key_id, secret = imported(org)
    for headers in (
        _bearer(secret),
        {"X-API-Key": secret},
        [("Authorization", f"Bearer {JWT}"), ("X-API-Key", secret)],
    ):
        assert fetch(headers=headers).status_code == 401
        accepted = fetch(headers=headers, accept_imported=True)
        assert (accepted.status_code, accepted.text) == (200, key_id)


def test_an_application_that_accepts_imported_keys_prefers_well_formed_ones(
    org: Organization, fetch: Fetch, proxy: FlakyProxy
) -> None:
    key = org.key()
    headers = {"Authorization": f"Bearer {JWT}", "X-API-Key": key.secret}
    assert fetch(url=proxy.url, headers=headers, accept_imported=True).text == key.id
    assert JWT.encode() not in b"".join(proxy.requests)
    (_, first), (_, second) = imported(org), imported(org)
    different = fetch(headers={"X-API-Key": f"{first}, {second}"}, accept_imported=True)
    assert (different.status_code, _code(different)) == (401, "unauthorized")
    assert "different API keys" in different.text
    assert fetch(headers=_bearer(JWT), accept_imported=True).status_code == 401


def test_a_key_without_access_to_the_mcp_or_the_tool_is_refused(org: Organization, fetch: Fetch) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    key = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}})
    headers = _bearer(key.secret)
    assert fetch(headers=headers, mcp_id=mcp_id, tool="get_file").status_code == 200
    refused = fetch(headers=headers, mcp_id=mcp_id, tool="delete_file")
    assert (refused.status_code, _code(refused)) == (403, "tool_not_permitted")
    refused = fetch(headers=headers, mcp_id=other)
    assert (refused.status_code, _code(refused)) == (403, "mcp_not_permitted")


def test_the_address_of_the_caller_is_checked_and_recorded(org: Organization, fetch: Fetch) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    for address in ("10.1.2.3", "10.1.2.3:51234", "::ffff:10.1.2.3", "[::ffff:10.1.2.3%eth0]:443"):
        assert fetch(headers=_bearer(key.secret), address=address).status_code == 200
    assert {use["ip"] for use in org.activity(key, type="api_key.used")} == {"10.1.2.3"}
    for address in ("192.0.2.1", "unix socket", "", "unknown", "10.1.2.3, 10.1.2.4", "fe80::1%eth0"):
        refused = fetch(headers=_bearer(key.secret), address=address)
        assert (refused.status_code, _code(refused)) == (403, "ip_not_permitted")


def test_every_request_is_refused_if_the_management_key_may_not_verify(org: Organization, fetch: Fetch) -> None:
    response = fetch(headers=_bearer(org.key().secret), by=org.key().secret)
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
    response = fetch(headers=_bearer(org.key().secret), url=proxy.url)
    assert (response.status_code, _code(response)) == (503, "unavailable")
    assert response.headers["retry-after"] == retry_after


@pytest.mark.parametrize("code", ["rate_limited", "quota_exceeded"])
def test_an_exceeded_limit_returns_429_with_retry_after(
    org: Organization, fetch: Fetch, proxy: FlakyProxy, code: str
) -> None:
    body = '{"data":{"valid":false,"code":"' + code + '"}}'
    proxy.actions = [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()]
    response = fetch(headers=_bearer(org.key().secret), url=proxy.url)
    assert (response.status_code, _code(response)) == (429, code)
    seconds = int(response.headers["retry-after"])
    if code == "rate_limited":
        assert seconds == 1
    else:
        starts = datetime.now(UTC) + timedelta(seconds=seconds + 60)
        first = starts.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        assert starts - first < timedelta(minutes=10), "the count restarts on the first day of the month"
        assert 0 < seconds <= 31 * 86_400


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-11-28T12:00:00", 2.5 * 86_400),
        ("2026-12-31T23:59:59.500000", 1),
        ("2028-02-01T00:00:00", 29 * 86_400),
        ("2027-01-31T00:00:00", 86_400),
    ],
)
def test_the_quota_resets_at_the_start_of_the_next_month(at: str, seconds: float) -> None:
    assert _until_next_month(datetime.fromisoformat(at).replace(tzinfo=UTC)) == seconds


def test_the_middleware_and_the_guard_return_the_same_problem(fetch: Fetch) -> None:
    response = fetch(headers=_bearer(unknown_secret()))
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body == {
        "type": "urn:keyledger:problem:unauthorized",
        "title": "Unauthorized",
        "status": 401,
        "detail": body["detail"],
        "success": False,
        "error": {"code": "unauthorized", "message": body["detail"]},
    }


def test_an_exception_handler_of_the_application_takes_precedence(api: Api, org: Organization) -> None:
    def handler(_request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
        return Response(f"mine: {error.status_code}", status_code=418, media_type="text/plain")

    async def answer(kind: Any) -> httpx2.Response:  # noqa: ANN401 -- a status or an exception
        async with AsyncKeyledger(api.url, org.manager.secret) as client:

            @get("/", guards=[requires_key(client)], sync_to_thread=False)
            def closed() -> str:
                return ""

            app: Any = Litestar([closed], exception_handlers={kind: handler}, openapi_config=None)
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://app") as http:
                return await http.get("/")

    for kind in (KeyDenied, HTTPException, 401):
        assert asyncio.run(answer(kind)).text == "mine: 401"


def _request_middleware(path: str, api: Api, org: Organization, **arguments: Any) -> httpx2.Response:  # noqa: ANN401
    async def answer() -> httpx2.Response:
        async with AsyncKeyledger(api.url, org.manager.secret) as client:
            transport = httpx2.ASGITransport(_middleware(client))
            async with httpx2.AsyncClient(transport=transport, base_url="http://app") as http:
                return await http.get(path, **arguments)

    return asyncio.run(answer())


def test_the_middleware_returns_a_problem(api: Api, org: Organization) -> None:
    response = _request_middleware("/", api, org)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert (body["status"], body["success"], body["error"]["message"]) == (401, False, body["detail"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/open", 200),
        ("/docs/a/b", 200),
        ("/docs", 401),
        ("/open/", 401),
        ("/opened", 401),
        ("/docs/%2e%2e/secret", 401),
        ("/docs//secret", 401),
        ("/docs/.hidden", 401),
    ],
)
def test_only_excluded_paths_need_no_key(api: Api, org: Organization, path: str, status: int) -> None:
    assert _request_middleware(path, api, org).status_code == status


def test_a_websocket_without_a_key_is_closed(api: Api, org: Organization) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
        sent.append(message)

    async def open_it() -> None:
        async with AsyncKeyledger(api.url, org.manager.secret) as client:
            await _middleware(client)({"type": "websocket", "path": "/", "headers": []}, receive, send)

    asyncio.run(open_it())
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]


def test_the_messages_for_refused_keys_match_those_of_the_service() -> None:
    # The messages of the service also mention sessions and calls, which do not apply to a key that a gateway checks.
    shorter = {"unauthorized", "rate_limited"}
    messages = {code: text for code, text in (_KEY_CODES | _RATE_CODES).items() if code not in shorter}
    assert messages == {code: ERRORS[code].meaning for code in messages}
    assert set(_KEY_CODES) == {code for code, known in ERRORS.items() if known.status == HTTPStatus.UNAUTHORIZED}
    assert set(_RATE_CODES) == {code for code, known in ERRORS.items() if known.status == HTTPStatus.TOO_MANY_REQUESTS}
