"""Requests that two servers could read differently, and the limits of a head."""

import pytest

from tests.app.organizations import Api, Organization
from tests.app.server.raw_connection import CHECK, VERIFY, check, connected, request, verification

PATHS = ["/health/live", VERIFY, CHECK]

AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "a length and an encoding": ("Content-Length: 3", "Transfer-Encoding: chunked"),
    "an encoding and a length": ("Transfer-Encoding: chunked", "Content-Length: 3"),
    "two lengths": ("Content-Length: 3", "Content-Length: 4"),
    "the same length twice": ("Content-Length: 3", "Content-Length: 3"),
    "a list of lengths": ("Content-Length: 3, 3",),
    "a signed length": ("Content-Length: +3",),
    "a negative length": ("Content-Length: -3",),
    "no length": ("Content-Length: ",),
    "a hexadecimal length": ("Content-Length: 0x3",),
    "another encoding": ("Transfer-Encoding: gzip",),
    "two encodings": ("Transfer-Encoding: gzip, chunked",),
    "two encodings in two lines": ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "a folded line": ("X-Folded: a\r\n b",),
    "a bare LF": ("X-Bare: a\nX-Other: b",),
    "a bare CR": ("X-Bare: a\rX-Other: b",),
    "a NUL": ("X-Nul: a\0b",),
    "a space before the colon": ("X-Space : a",),
    "a space before the name": (" X-Space: a",),
    "no name": (": a",),
    "no colon": ("X-Colon",),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_head_is_refused_and_the_connection_closes(api: Api, path: str, kind: str) -> None:
    with connected(api) as connection:
        connection.send(request("POST", path, *AMBIGUOUS[kind]), b"abc", request("GET", "/health/live"))
        refused = connection.response()
        assert (refused.status, refused.headers["connection"]) == (400, "close")
        assert connection.is_closed()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "chunks",
    [b"2\nab\r\n0\r\n\r\n", b"2 \r\nab\r\n0\r\n\r\n", b"0x2\r\nab\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"f" * 17 + b"\r\n"],
)
def test_a_malformed_chunk_is_refused_and_the_connection_closes(api: Api, path: str, chunks: bytes) -> None:
    with connected(api) as connection:
        connection.send(request("POST", path, "Transfer-Encoding: chunked"), chunks, request("GET", "/health/live"))
        assert connection.response().status == 400
        assert connection.is_closed()


@pytest.mark.parametrize("path", PATHS)
def test_chunks_over_http_1_0_are_refused(api: Api, path: str) -> None:
    with connected(api) as connection:
        connection.send(b"POST %b HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % path.encode())
        assert connection.response().status == 400
        assert connection.is_closed()


@pytest.mark.parametrize("version", [b"2.0", b"0.9"])
def test_another_version_of_http_is_refused(api: Api, version: bytes) -> None:
    with connected(api) as connection:
        connection.send(b"GET /health/live HTTP/" + version + b"\r\nHost: a\r\n\r\n")
        assert connection.response().status in {400, 505}
        assert connection.is_closed()


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_of_a_request_that_asks_for_an_upgrade_is_not_parsed_as_a_request(
    api: Api, org: Organization, upgrade: str, *, chunked: bool
) -> None:
    """The request is answered as if it did not ask (RFC 9110 §7.8), and so is the next one."""
    smuggled = check(f"{CHECK}?organization_id={org.id}", org.manager.secret, request_id="smuggled")
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(smuggled)}"
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(smuggled), smuggled) if chunked else smuggled
    lines = [f"Upgrade: {upgrade}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__", framing]
    with connected(api) as connection:
        for path in ("/health/live", CHECK, VERIFY):
            head = request("GET" if path != VERIFY else "POST", path, *lines, request_id="first")
            connection.send(head + body + request("GET", "/health/live", request_id="second"))
            ids = [connection.response().headers["x-request-id"] for _ in range(2)]
            assert ids == ["first", "second"]


def test_a_request_that_asks_for_an_upgrade_may_arrive_byte_by_byte(api: Api, org: Organization) -> None:
    with connected(api) as connection:
        whole = verification(org.manager.secret, org.manager.secret, "Connection: Upgrade", "Upgrade: h2c")
        connection.send(*(whole[at : at + 1] for at in range(len(whole))))
        answer = connection.response()
        assert (answer.status, answer.json["data"]["valid"]) == (200, True)


def test_a_tunnel_is_refused(api: Api) -> None:
    with connected(api) as connection:
        connection.send(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + request("GET", "/health/live"))
        assert connection.response().status == 400
        assert connection.is_closed()


def test_a_trailer_is_not_a_header(api: Api, org: Organization) -> None:
    path = f"{CHECK}?organization_id={org.id}"
    secret = org.manager.secret
    for target in (path, "/v1/api-keys"):
        with connected(api) as connection:
            connection.send(request("POST", target, "Transfer-Encoding: chunked"))
            connection.send(f"0\r\nAuthorization: Bearer {secret}\r\nX-Request-Id: trailer\r\n\r\n".encode())
            answer = connection.response()
            assert (answer.status, answer.headers["x-request-id"]) == (401, "r")
            connection.send(check(path, secret))
            assert connection.response().status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "lines", [["X-Long: " + "a" * 70_000], [f"X-{n}: a" for n in range(101)]], ids=["bytes", "lines"]
)
def test_a_head_that_is_too_large_is_refused(api: Api, path: str, lines: list[str]) -> None:
    with connected(api) as connection:
        connection.send(request("GET", path, *lines))
        assert connection.response().status == 431
        assert connection.is_closed()


@pytest.mark.parametrize("size", [100, 4_000, 100_000])
@pytest.mark.parametrize("path", PATHS)
def test_a_head_of_sixty_kilobytes_is_accepted(api: Api, path: str, size: int) -> None:
    """However the bytes arrive, and whatever else was sent on the connection before."""
    sent = request("GET", path, *[f"X-{n}: " + "a" * 1_000 for n in range(58)]) * 2
    with connected(api) as connection:
        connection.send(*[sent[at : at + size] for at in range(0, len(sent), size)])
        assert {connection.response().status for _ in range(2)} <= {200, 401, 405}


def test_blanks_around_the_value_of_a_header_have_no_meaning(api: Api, org: Organization) -> None:
    lines = [
        f"Authorization:\t Bearer {org.manager.secret} \t",
        "Content-Type: application/json ",
        "Content-Length: 2 ",
    ]
    head = "\r\n".join([f"POST {VERIFY} HTTP/1.1", "Host: a\t ", *lines, "", ""]).encode()
    with connected(api) as connection:
        connection.send(head, b"{}")
        assert connection.response().status == 422


def test_a_head_that_never_ends_is_refused(api: Api) -> None:
    with connected(api) as connection:
        connection.send(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Long: ", b"a" * 100_000)
        assert connection.response().status == 431
        assert connection.is_closed()


def test_trailers_that_never_end_are_refused(api: Api) -> None:
    with connected(api) as connection:
        connection.send(request("POST", CHECK, "Transfer-Encoding: chunked"), b"0\r\nX-Long: ", b"a" * 150_000)
        assert connection.response().status == 400
        assert connection.is_closed()


def test_empty_lines_between_requests_are_ignored(api: Api, org: Organization) -> None:
    """RFC 9112 §2.2."""
    with connected(api) as connection:
        for _ in range(2):
            connection.send(b"\r\n\r\n", check(f"{CHECK}?organization_id={org.id}", org.manager.secret), b"\r\n")
            assert connection.response().status == 200


@pytest.mark.parametrize("target", ["http://a/v1/auth/check", "/v1/auth/check?mcp_id=x#fragment"])
def test_unusual_targets_of_hot_routes_are_answered_too(api: Api, org: Organization, target: str) -> None:
    with connected(api) as connection:
        connection.send(check(target, org.manager.secret))
        assert connection.response().status == 422
