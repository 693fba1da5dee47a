"""The processing that all requests and responses share."""

import json
import socket
from itertools import chain

import pytest

from app.http.body import BODY_BYTES_MAX
from tests.app.browser import POLICY
from tests.app.organizations import Api, Organization
from tests.app.people import person

JSON = {"Content-Type": "application/json"}
ROUTES = ["/v1/api-keys", "/v1/auth/check", "/health/live", "/health/ready", "/problems/conflict", "/nowhere"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("request_id", ["r", "a b~!", "x" * 128])
def test_the_request_id_of_the_caller_is_used(api: Api, path: str, request_id: str) -> None:
    assert api.client().get(path, x_request_id=request_id).headers["x-request-id"] == request_id


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("request_id", [b"", b"x" * 129, b"caf\xe9", b"tab\there"])
def test_a_malformed_request_id_is_replaced(api: Api, path: str, request_id: bytes) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: ".encode()
    response, _ = api.server.exchange(head + request_id + b"\r\n\r\n")
    made = response.getheader("X-Request-Id") or ""
    assert made.startswith("req_")
    assert made.encode() != request_id


def test_generated_request_ids_are_unique(api: Api) -> None:
    assert len({api.client().get("/health/live").headers["x-request-id"] for _ in range(20)}) == 20


@pytest.mark.parametrize("path", ROUTES)
def test_no_response_may_be_cached_sniffed_or_framed(api: Api, path: str) -> None:
    headers = api.client().get(path, Accept="application/json").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_page_may_also_use_its_style_and_forms_and_sends_its_origin(api: Api) -> None:
    headers = api.client().get("/problems/conflict", Accept="text/html").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers.get_list("content-security-policy") == [POLICY]
    assert headers.get_list("referrer-policy") == ["strict-origin"]


def test_liveness_needs_no_key(api: Api) -> None:
    assert api.client().get("/health/live").data == {"status": "live"}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_checks_may_use_head(api: Api, path: str) -> None:
    """The response is that of GET without the body."""
    request = f"{{}} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    got, _ = api.server.exchange(request.format("GET").encode())
    with socket.create_connection(("127.0.0.1", api.server.port), timeout=10) as connection:
        connection.sendall(request.format("HEAD").encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {got.status} ".encode())
    assert got.status == 200
    assert f"content-length: {got.getheader('content-length')}".encode() in head.lower()
    assert body == b""


def test_a_body_of_one_mebibyte_is_accepted(org: Organization) -> None:
    padded = json.dumps({"name": "Deploy"}).encode().ljust(BODY_BYTES_MAX)
    assert org.client.request("POST", "/v1/api-keys", content=padded, headers=JSON).status == 201


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/api-keys/verify", "/v1/mcps", "/v1/mcp/invoke", "/nowhere"])
def test_a_body_with_a_larger_content_length_is_refused_before_it_is_sent(
    api: Api, refused_org: Organization, path: str
) -> None:
    head = _head("POST", path, refused_org.manager.secret, **{"Content-Length": str(BODY_BYTES_MAX + 1)})
    response, body = api.server.exchange(head)
    assert (response.status, json.loads(body)["error"]["code"]) == (413, "payload_too_large")
    assert response.getheader("connection") == "close", "the rest is not read: nothing more is sent on this connection"


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/api-keys/verify", "/v1/mcps", "/v1/mcp/invoke", "/nowhere"])
def test_a_larger_body_in_chunks_is_refused(api: Api, refused_org: Organization, path: str) -> None:
    head = _head("POST", path, refused_org.manager.secret, **{"Transfer-Encoding": "chunked"})
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    response, body = api.server.exchange(head, *[chunk] * 16, b"1\r\n \r\n0\r\n\r\n")
    assert (response.status, json.loads(body)["error"]["code"]) == (413, "payload_too_large")
    assert response.getheader("connection") == "close", "the rest is not read: nothing more is sent on this connection"


def test_a_body_in_chunks_is_accepted(api: Api, org: Organization) -> None:
    body = json.dumps({"name": "In pieces"}).encode()
    chunks = chain.from_iterable((b"1\r\n", body[i : i + 1], b"\r\n") for i in range(len(body)))
    head = _head("POST", "/v1/api-keys", org.manager.secret, **{"Transfer-Encoding": "chunked"})
    response, answer = api.server.exchange(head, b"".join(chunks) + b"0\r\n\r\n")
    assert response.status == 201, answer


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/api-keys"), ("POST", "/v1/api-keys/verify"), ("POST", "/v1/mcps"), ("POST", "/v1/mcp/invoke")],
)
def test_another_content_type_is_refused(
    refused_org: Organization, content_type: str | None, method: str, path: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    refused = refused_org.client.request(method, path, content=b'{"name":"Deploy"}', headers=headers)
    assert (refused.status, refused.code) == (415, "unsupported_media_type")


def test_a_content_type_may_have_a_charset_and_any_case(org: Organization) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert org.client.request("POST", "/v1/api-keys", content=b'{"name":"Deploy"}', headers=headers).status == 201


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/api-keys", {"GET", "HEAD", "POST"}),
        ("POST", "/v1/api-keys/key_x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("GET", "/v1/api-keys/key_x/rotate", {"POST"}),
        ("GET", "/v1/api-keys/verify", {"POST"}),
        ("DELETE", "/v1/api-keys/verify", {"POST"}),
        ("POST", "/v1/mcp/servers", {"GET", "HEAD"}),
        ("GET", "/v1/mcp/invoke", {"POST"}),
        ("POST", "/health/live", {"GET", "HEAD"}),
        ("PATCH", "/v1/mcps", {"GET", "HEAD", "POST"}),
    ],
)
def test_an_unsupported_method_is_refused_with_the_allowed_methods(
    refused_org: Organization, method: str, path: str, allowed: set[str]
) -> None:
    refused = refused_org.client.request(method, path)
    assert (refused.status, refused.code) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == allowed


def test_cookies_in_several_header_lines_are_combined(api: Api, org: Organization) -> None:
    """HTTP/2 may send them like this (RFC 9113 §8.2.3)."""
    session = b"keyledger_session=" + person(api, org.id).secret.encode()
    for parts in ([b"theme=dark", session], [session, b"theme=dark"]):
        lines = [(b"Cookie", part) for part in parts]
        assert api.client().request("GET", "/v1/session", raw_headers=lines).status == 200
    planted = [(b"Cookie", session), (b"Cookie", b"keyledger_session=ks_planted")]
    assert api.client().request("GET", "/v1/session", raw_headers=planted).status == 401


def test_a_list_in_several_header_lines_is_combined(org: Organization) -> None:
    key = org.key()
    lines = [(b"If-Match", b'"1"'), (b"If-Match", b'"7"')]
    assert org.client.request("PATCH", key.path, {"name": "Renamed"}, raw_headers=lines).status == 200
    assert org.client.request("PATCH", key.path, {"name": "Again"}, raw_headers=lines).status == 412


@pytest.mark.parametrize("name", [b"Authorization", b"X-API-Key"])
def test_two_credentials_are_refused(api: Api, refused_org: Organization, name: bytes) -> None:
    """Otherwise a proxy could check one of them while the service uses the other."""
    scheme = b"Bearer " if name == b"Authorization" else b""
    keys = (refused_org.manager.secret, refused_org.key().secret)
    lines = [(name, scheme + secret.encode()) for secret in keys]
    refused = api.client().request("GET", "/v1/api-keys", raw_headers=lines)
    assert (refused.status, refused.code) == (401, "unauthorized")


def test_two_csrf_tokens_are_refused(api: Api, org: Organization) -> None:
    member = person(api, org.id)
    headers = {"Cookie": f"keyledger_session={member.secret}"}
    token = member.client.get("/v1/session").data["csrf_token"].encode()
    lines = [(b"X-CSRF-Token", b"planted"), (b"X-CSRF-Token", token)]
    assert api.client().request("POST", "/v1/api-keys", {"name": "A"}, headers=headers, raw_headers=lines).status == 403
    assert (
        api.client().request("POST", "/v1/api-keys", {"name": "A"}, headers=headers, raw_headers=lines[1:]).status
        == 201
    )


def test_an_unknown_path_is_not_found(api: Api) -> None:
    assert (api.client().get("/v1/nothing").status, api.client().get("/nothing").status) == (404, 404)


def test_a_connection_serves_more_requests_after_failures(api: Api, org: Organization) -> None:
    for _ in range(3):
        assert org.client.post("/v1/api-keys", {"name": ""}).status == 422
        assert org.client.get("/v1/api-keys").status == 200
        assert api.client().get("/v1/api-keys").status == 401


def _head(method: str, path: str, secret: str, **headers: str) -> bytes:
    named = {"Host": "a", "Connection": "close", "Authorization": f"Bearer {secret}", **JSON, **headers}
    lines = [f"{method} {path} HTTP/1.1", *[f"{name}: {value}" for name, value in named.items()], "", ""]
    return "\r\n".join(lines).encode()


HOSTS: dict[str, tuple[bytes, ...]] = {
    "none": (),
    "an empty one": (b"Host:",),
    "two": (b"Host: a", b"Host: b"),
    "the same twice": (b"Host: a", b"Host: a"),
    "a list": (b"Host: a, b",),
    "a path": (b"Host: a/b",),
    "a user": (b"Host: user@a",),
    "a blank": (b"Host: a b",),
    "an invalid port": (b"Host: a:b",),
    "a port only": (b"Host: :80",),
}


@pytest.mark.parametrize("path", [*ROUTES, "/sign-in", "/v1/api-keys/verify"])
@pytest.mark.parametrize("kind", HOSTS)
def test_a_request_without_exactly_one_valid_host_is_refused(api: Api, path: str, kind: str) -> None:
    lines = [f"GET {path} HTTP/1.1".encode(), *HOSTS[kind], b"Connection: close", b"", b""]
    response, body = api.server.exchange(b"\r\n".join(lines))
    assert (response.status, json.loads(body)["error"]["code"]) == (400, "invalid_request")
    assert response.getheader("content-type") == "application/problem+json"
    assert b"Host" in body


@pytest.mark.parametrize("host", [b"a", b"A-b_c.example:8000", b"127.0.0.1", b"[::1]:80", b"[fe80::1]", b"a:"])
def test_every_valid_host_is_accepted(api: Api, host: bytes) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    assert api.server.exchange(request)[0].status == 200


def test_http_1_0_needs_no_host(api: Api) -> None:
    assert api.server.exchange(b"GET /health/live HTTP/1.0\r\n\r\n")[0].status == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/api-keys/verify", "/v1/mcp/invoke", "/sign-in", "/nowhere"])
def test_a_client_that_sends_a_too_large_body_before_it_reads_receives_413(
    api: Api, refused_org: Organization, path: str, *, chunked: bool
) -> None:
    """Many clients do this. If the server closed early, they would get a broken connection instead of a response."""
    size = 8 * BODY_BYTES_MAX
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)}
    with socket.create_connection(("127.0.0.1", api.server.port), timeout=60) as connection:
        connection.sendall(_head("POST", path, refused_org.manager.secret, **framing))
        part = b" " * 65_536
        for _ in range(size // len(part)):
            connection.sendall(b"10000\r\n" + part + b"\r\n" if chunked else part)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"connection: close" in answer.lower()
