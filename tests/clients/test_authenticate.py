"""The ASGI middleware and the Litestar guard before real applications."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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
from tests.app.organizations import Api, Organization, unknown_secret
from tests.clients.flaky_proxy import Deed, Meddler, refusal

Ask = Callable[..., httpx2.Response]
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
    """An application that is open at /open and closed at /."""
    chosen: Build = request.param
    return chosen


@pytest.fixture
def ask(build: Build, api: Api, org: Organization) -> Ask:
    """Ask the application, which asks the service at `url`, by default the real one."""

    def asked(path: str = "/", *, url: str = api.url, by: str = org.manager.secret, **needs: Any) -> httpx2.Response:  # noqa: ANN401
        headers = needs.pop("headers", {})
        address = needs.pop("address", "127.0.0.1")

        async def answer() -> httpx2.Response:
            async with AsyncKeyledger(url, by, retries=NO_RETRIES) as client:
                transport = httpx2.ASGITransport(build(client, **needs), client=(address, 1))
                async with httpx2.AsyncClient(transport=transport, base_url="http://app") as http:
                    return await http.get(path, headers=headers)

        return asyncio.run(answer())

    return asked


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _code(response: httpx2.Response) -> str:
    body = response.json()
    code: str = (body.get("error") or body["extra"])["code"]
    return code


@pytest.mark.parametrize("header", ["bearer", "BEARER", "x-api-key"])
def test_who_has_a_key_comes_in_and_is_known(org: Organization, ask: Ask, header: str) -> None:
    key = org.key()
    headers = {"X-API-Key": key.secret} if header == "x-api-key" else {"Authorization": f"{header} {key.secret}"}
    response = ask(headers={**headers, "User-Agent": "Agent/1"})
    assert (response.status_code, response.text) == (200, key.id)
    (use,) = org.activity(key, type="api_key.used")
    assert (use["ip"], use["user_agent"]) == ("127.0.0.1", "Agent/1")


def test_who_has_none_is_told_how(ask: Ask) -> None:
    response = ask()
    assert (response.status_code, _code(response)) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="keyledger"'


def test_an_open_path_needs_no_key(ask: Ask) -> None:
    assert ask("/open").text == "open"


def test_a_revoked_key_is_refused_from_the_next_request_on(org: Organization, ask: Ask) -> None:
    key = org.key()
    assert ask(headers=_bearer(key.secret)).status_code == 200
    org.client.delete(key.path)
    response = ask(headers=_bearer(key.secret))
    assert (response.status_code, _code(response)) == (401, "revoked_key")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


@pytest.mark.parametrize("secret", ["nonsense", "\xfc\xff", "a b", unknown_secret()])
def test_an_unknown_key_is_refused(ask: Ask, secret: str) -> None:
    response = ask(headers={b"x-api-key": secret.encode("latin-1")})
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
def test_the_header_that_contains_a_key_counts_and_nothing_else_is_sent_anywhere(
    org: Organization, ask: Ask, meddler: Meddler, headers: list[tuple[str, str]]
) -> None:
    key = org.key()
    sent = [(name, value.format(key=key.secret)) for name, value in headers]
    assert ask(url=meddler.url, headers=sent).text == key.id
    assert JWT.encode() not in b"".join(meddler.seen)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {JWT}")],
        [("X-API-Key", JWT)],
        [("Authorization", f"Bearer {JWT}"), ("X-API-Key", JWT)],
        [("Authorization", "Bearer pk_live_0000")],
    ],
)
def test_a_credential_of_others_is_refused_without_asking_anyone(
    ask: Ask, meddler: Meddler, headers: list[tuple[str, str]]
) -> None:
    response = ask(url=meddler.url, headers=headers)
    assert (response.status_code, _code(response)) == (401, "unauthorized")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert meddler.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer {first}"), ("X-API-Key", "{second}")],
        [("Authorization", "Bearer {first}"), ("Authorization", "Bearer {second}")],
        [("X-API-Key", "{first}, {second}")],
    ],
)
def test_of_two_different_keys_none_is_chosen(
    org: Organization, ask: Ask, meddler: Meddler, headers: list[tuple[str, str]]
) -> None:
    first, second = org.key().secret, org.key().secret
    response = ask(
        url=meddler.url, headers=[(name, value.format(first=first, second=second)) for name, value in headers]
    )
    assert response.status_code == 401
    assert "different API keys" in response.text
    assert meddler.seen == []


def test_a_key_must_reach_the_mcp_and_the_tool(org: Organization, ask: Ask) -> None:
    mcp_id, other = org.mcp(), org.mcp()
    key = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}})
    headers = _bearer(key.secret)
    assert ask(headers=headers, mcp_id=mcp_id, tool="get_file").status_code == 200
    refused = ask(headers=headers, mcp_id=mcp_id, tool="delete_file")
    assert (refused.status_code, _code(refused)) == (403, "tool_not_permitted")
    refused = ask(headers=headers, mcp_id=other)
    assert (refused.status_code, _code(refused)) == (403, "mcp_not_permitted")


def test_the_callers_address_counts(org: Organization, ask: Ask) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    for address in ("10.1.2.3", "10.1.2.3:51234", "::ffff:10.1.2.3", "[::ffff:10.1.2.3%eth0]:443"):
        assert ask(headers=_bearer(key.secret), address=address).status_code == 200
    assert {use["ip"] for use in org.activity(key, type="api_key.used")} == {"10.1.2.3"}
    for address in ("192.0.2.1", "unix socket", "", "unknown", "10.1.2.3, 10.1.2.4", "fe80::1%eth0"):
        refused = ask(headers=_bearer(key.secret), address=address)
        assert (refused.status_code, _code(refused)) == (403, "ip_not_permitted")


def test_when_the_managing_key_may_not_verify_nobody_comes_in(org: Organization, ask: Ask) -> None:
    response = ask(headers=_bearer(org.key().secret), by=org.key().secret)
    assert (response.status_code, _code(response)) == (503, "unavailable")


@pytest.mark.parametrize(
    ("deed", "retry_after"),
    [
        ("drop", "1"),
        ("cut", "1"),
        (refusal(503, "Retry-After: 7"), "7"),
        (refusal(200, body="{}"), "1"),
        (refusal(500), "1"),
    ],
)
def test_without_an_answer_nobody_comes_in(
    org: Organization, ask: Ask, meddler: Meddler, deed: Deed, retry_after: str
) -> None:
    meddler.deeds = [deed]
    response = ask(headers=_bearer(org.key().secret), url=meddler.url)
    assert (response.status_code, _code(response)) == (503, "unavailable")
    assert response.headers["retry-after"] == retry_after


@pytest.mark.parametrize("code", ["rate_limited", "quota_exceeded"])
def test_too_much_is_429(org: Organization, ask: Ask, meddler: Meddler, code: str) -> None:
    body = '{"data":{"valid":false,"code":"' + code + '"}}'
    meddler.deeds = [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()]
    response = ask(headers=_bearer(org.key().secret), url=meddler.url)
    assert (response.status_code, _code(response)) == (429, code)
    seconds = int(response.headers["retry-after"])
    if code == "rate_limited":
        assert seconds == 1
    else:
        starts = datetime.now(UTC) + timedelta(seconds=seconds + 60)
        first = starts.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        assert starts - first < timedelta(minutes=10), "the month's requests are counted from zero on the first"
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
def test_a_month_ends_when_it_ends(at: str, seconds: float) -> None:
    assert _until_next_month(datetime.fromisoformat(at).replace(tzinfo=UTC)) == seconds


def test_both_answer_with_the_same_problem(ask: Ask) -> None:
    response = ask(headers=_bearer(unknown_secret()))
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


def test_an_exception_handler_of_the_application_comes_first(api: Api, org: Organization) -> None:
    def own(_request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
        return Response(f"mine: {error.status_code}", status_code=418, media_type="text/plain")

    async def answer(kind: Any) -> httpx2.Response:  # noqa: ANN401 -- a status or an exception
        async with AsyncKeyledger(api.url, org.manager.secret) as client:

            @get("/", guards=[requires_key(client)], sync_to_thread=False)
            def closed() -> str:
                return ""

            app: Any = Litestar([closed], exception_handlers={kind: own}, openapi_config=None)
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://app") as http:
                return await http.get("/")

    for kind in (KeyDenied, HTTPException, 401):
        assert asyncio.run(answer(kind)).text == "mine: 401"


def _alone(path: str, api: Api, org: Organization, **asked: Any) -> httpx2.Response:  # noqa: ANN401
    async def answer() -> httpx2.Response:
        async with AsyncKeyledger(api.url, org.manager.secret) as client:
            transport = httpx2.ASGITransport(_middleware(client))
            async with httpx2.AsyncClient(transport=transport, base_url="http://app") as http:
                return await http.get(path, **asked)

    return asyncio.run(answer())


def test_the_middleware_answers_with_a_problem(api: Api, org: Organization) -> None:
    response = _alone("/", api, org)
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
def test_only_what_is_excluded_is_open(api: Api, org: Organization, path: str, status: int) -> None:
    assert _alone(path, api, org).status_code == status


def test_a_websocket_without_a_key_does_not_open(api: Api, org: Organization) -> None:
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


def test_a_refused_key_is_explained_as_the_service_explains_it() -> None:
    # The service mentions sessions and calls too, which have no meaning for a key that a gateway checks.
    shorter = {"unauthorized", "rate_limited"}
    messages = {code: text for code, text in (_KEY_CODES | _RATE_CODES).items() if code not in shorter}
    assert messages == {code: ERRORS[code].meaning for code in messages}
    assert set(_KEY_CODES) == {code for code, known in ERRORS.items() if known.status == HTTPStatus.UNAUTHORIZED}
    assert set(_RATE_CODES) == {code for code, known in ERRORS.items() if known.status == HTTPStatus.TOO_MANY_REQUESTS}
