"""Malformed requests to every route: they never cause a 500 or a hang, and every error has a request id."""

import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import cycle
from typing import Any

import pytest
from msgspec import Struct, structs

from app.routes import ROUTES as DECLARED
from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.app.routes import ANY_METHOD, DIRECT
from tests.app.scopes import RULES, Body, Route

MIB = 1024 * 1024

_CREATED = {"key_id", "mcp_id", "user_id", "invite_id", "webhook_id"}

ROUTES = [route for route, rule in RULES.items() if rule.keys and set(re.findall(r"\{(\w+)\}", route[1])) <= _CREATED]
"""Routes for keys about resources that a test can create: no audit events, alerts or webhook deliveries."""

BODIES: dict[Route, Body] = {route: rule.body for route, rule in RULES.items() if rule.body}
WITH_BODY = [route for route in ROUTES if route[0] != "GET"]

VERIFY: Route = ("POST", "/v1/api-keys/verify")
THOROUGH: tuple[Route, ...] = (("POST", "/v1/api-keys"), VERIFY)
"""A route that the framework handles and one that bypasses it. Every kind of input is tried on both."""
THOROUGH_QUERIES: tuple[Route, ...] = (("GET", "/v1/api-keys"), VERIFY)
THOROUGH_IDS: tuple[Route, ...] = (
    ("GET", "/v1/api-keys/{key_id}"),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"),
)
"""No route that bypasses the framework has an id in its path. The second of these routes has two ids."""

with_body = pytest.mark.parametrize("route", WITH_BODY, ids=" ".join)


def cells(
    routes: Collection[Route], kinds: Collection[str], thorough: Collection[Route] = THOROUGH
) -> Callable[..., Any]:
    """Parametrize `route` and `kind`.

    All routes share the code that refuses bad input. Therefore, each kind is tried on the thorough routes, and each
    other route gets one kind, in turn. All other combinations are marked `soak`.
    """
    assert set(thorough) <= set(routes)
    turns = cycle(kinds)
    chosen = {(route, kind) for route in thorough for kind in kinds}
    chosen |= {(route, next(turns)) for route in routes if route not in thorough}
    return pytest.mark.parametrize(
        ("route", "kind"),
        [
            pytest.param(
                route, kind, id=f"{kind}-{' '.join(route)}", marks=() if (route, kind) in chosen else pytest.mark.soak
            )
            for route in routes
            for kind in kinds
        ],
    )


@pytest.mark.parametrize("thorough", [THOROUGH, THOROUGH_QUERIES])
def test_every_kind_is_tried_on_a_framework_route_and_a_direct_route(thorough: tuple[Route, ...]) -> None:
    assert [route in DIRECT for route in thorough] == [False, True]


def test_no_direct_route_has_an_id_in_its_path() -> None:
    assert not [path for _, path in DIRECT if "{" in path]


NOT_JSON: dict[str, bytes] = {
    "a word": b"hello",
    "half an object": b'{"name": "x"',
    "two objects": b"{}{}",
    "a trailing comma": b'{"name": "x",}',
    "single quotes": b"{'name': 'x'}",
    "NaN": b'{"name": NaN}',
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "an overlong zero": b'{"name": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a lone surrogate, then a letter": b'{"name": "\\ud800x"}',
    "surrogates in the wrong order": b'{"name": "\\udc00\\ud800"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "zeros": b"\0" * 1_000,
    "10,000 levels of arrays": b"[" * 10_000 + b"]" * 10_000,
    "10,000 levels of objects": b'{"name":' * 10_000 + b"1" + b"}" * 10_000,
    "200,000 open brackets": b"[" * 200_000,
    "half an escape": b'{"name": "\\u00',
    "an invalid escape": b'{"name": "\\x41"}',
    "a comment": b'{/* */"name": "x"}',
}
REPEATED: dict[str, tuple[bytes, list[str]]] = {
    "a name twice": (b'{"unknown": 1, "unknown": 2}', ["unknown"]),
    "equal values": (b'{"unknown":1,"unknown":1}', ["unknown"]),
    "an escape": (b'{"unknown": 1, "\\u0075nknown": 2}', ["unknown"]),
    "two escapes": (b'{"\\u0061": 1, "\\u0061": 2}', ["a"]),
    "a surrogate pair and its character": ('{"😀": 1, "\\ud83d\\ude00": 2}'.encode(), ["😀"]),
    "in a nested object": (b'{"unknown": [{"a": {"b": 1, "b": 2}}, {"b": 1}]}', ["b"]),
    "two names": (b'{"a": 1, "b": 2, "a": 3, "b": 4}', ["a", "b"]),
    "white space before the colon": (b'{"a" : 1, "a"\t\n: 2}', ["a"]),
    "an empty name": (b'{"": 1, "": 2}', [""]),
    "after a byte order mark": (b'\xef\xbb\xbf{"a": 1, "a": 2}', ["a"]),
    "a huge number between": (b'{"a": 1, "b": ' + b"9" * 10_000 + b', "a": 2}', ["a"]),
}
NOT_AN_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "a string": b'"text"',
    "a number": b"5",
    "true": b"true",
    "an array": b"[]",
    "an array of objects": b'[{"name": "x"}]',
}


@cells(WITH_BODY, NOT_JSON)
def test_a_body_that_is_not_json_is_refused(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    """The status is 400, or 422 if an invalid field comes before the syntax error."""
    refused = refused_org.client.request(route[0], path_of(route, refused_org), content=NOT_JSON[kind], headers=JSON)
    assert (refused.status, refused.code, len(refused.details)) in {
        (400, "invalid_request", 0),
        (422, "validation_error", 1),
    }


@cells(WITH_BODY, NOT_AN_OBJECT)
def test_a_body_that_is_not_an_object_is_an_invalid_request(
    refused_org: Organization, route: tuple[str, str], kind: str
) -> None:
    refused = refused_org.client.request(
        route[0], path_of(route, refused_org), content=NOT_AN_OBJECT[kind], headers=JSON
    )
    assert (refused.status, refused.code, refused.details) == (400, "invalid_request", {})


VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 1,
    "a fraction": 0.5,
    "a huge number": 10**400,
    "a huge fraction": 1e308,
    "minus one": -1,
    "an empty string": "",
    "a zero": "\0",
    "a long string": "x" * 100_000,
    "an emoji": "\U0001f600" * 30,
    "right to left": "\u202egnp.exe",
    "an empty array": [],
    "an array of null": [None],
    "an array of arrays": [[[]]],
    "an empty object": {},
    "an object with unusual names": {"": {"\0": [None, {"\u202e": 1}]}},
    "a deep object": json.loads('{"a":' * 200 + "1" + "}" * 200),
    "a long array": ["x"] * 20_000,
}
NESTED = {
    "permissions": ["permissions.mcps", "permissions.tools", "permissions.manage"],
    "rate_limit": ["rate_limit.per_second"],
    "metadata": ["metadata.a", "metadata.\0"],
    "events": ["events.0"],
    "settings": ["settings.a"],
}
"""Paths inside a field, by the name of the field."""


def fields_of(body: type[Struct] | None) -> list[str]:
    """Return the paths of the fields of a body, and two that it does not have."""
    names = [field.encode_name for field in structs.fields(body)] if body else []
    return [path for name in names for path in (name, *NESTED.get(name, ()))] + ["unknown", "\0"]


FIELDS = {route.target: fields_of(route.body) for route in DECLARED if route.target in WITH_BODY}


@pytest.mark.parametrize(
    ("route", "field"),
    [
        pytest.param(route, field, id=f"{' '.join(route)} {field!r}")
        for route, known in FIELDS.items()
        for field in known
    ],
)
def test_a_value_is_accepted_or_refused_with_the_name_of_its_field(
    org: Organization, route: tuple[str, str], field: str
) -> None:
    outer, _, inner = field.partition(".")
    for value in VALUES.values():
        body = {**BODIES.get(route, {}), outer: {inner: value} if inner else value}
        response = org.client.request(route[0], path_of(route, org), body)
        if response.status < 300:
            continue
        assert response.status in {403, 404, 422}, (value, response)
        if response.status == 422:
            assert response.details, (value, response)


@cells(WITH_BODY, REPEATED)
def test_repeated_fields_are_refused_and_named(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    content, names = REPEATED[kind]
    refused = refused_org.client.request(route[0], path_of(route, refused_org), content=content, headers=JSON)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert refused.details == dict.fromkeys(names, "Must not be repeated")


@pytest.mark.parametrize("route", [route for route in WITH_BODY if route in BODIES], ids=" ".join)
def test_a_repeated_field_is_refused_in_an_otherwise_valid_body(
    refused_org: Organization, route: tuple[str, str]
) -> None:
    """The two values are equal, so the body would be valid with either of them."""
    name, value = next(iter(BODIES[route].items()))
    content = f"{json.dumps(BODIES[route])[:-1]}, {json.dumps(name)}: {json.dumps(value)}}}".encode()
    refused = refused_org.client.request(route[0], path_of(route, refused_org), content=content, headers=JSON)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert refused.details == {name: "Must not be repeated"}


REPEATED_INSIDE: dict[str, tuple[Route, bytes, str]] = {
    "metadata": (("POST", "/v1/api-keys"), b'{"name": "x", "metadata": {"a": "1", "a": "2"}}', "a"),
    "permissions": (("POST", "/v1/api-keys"), b'{"name": "x", "permissions": {"mcps": [], "mcps": "*"}}', "mcps"),
    "tools": (
        ("POST", "/v1/api-keys"),
        b'{"name": "x", "permissions": {"mcps": "*", "tools": {"mcp_0": {"deny": ["a"], "deny": []}}}}',
        "deny",
    ),
    "settings": (("PATCH", "/v1/organization"), b'{"settings": {"a": {"b": [{"c": 1, "\\u0063": 1}]}}}', "c"),
    "arguments": (
        ("POST", "/v1/mcp/invoke"),
        b'{"mcp_id": "mcp_00000000000000000000000000", "tool": "add", "arguments": {"a": [[{"b": 1, "b": 1}]]}}',
        "b",
    ),
}
"""Bodies that are valid except for a repeated field in a nested object."""


@pytest.mark.parametrize("kind", REPEATED_INSIDE)
def test_a_repeated_field_of_a_nested_object_is_refused_and_named(refused_org: Organization, kind: str) -> None:
    (method, path), content, name = REPEATED_INSIDE[kind]
    refused = refused_org.client.request(method, path, content=content, headers=JSON)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert refused.details == {name: "Must not be repeated"}


@with_body
def test_the_same_field_in_different_objects_is_not_a_repetition(
    refused_org: Organization, route: tuple[str, str]
) -> None:
    content = (
        b'{"unknown": [{"a": "b:", "c": 1}, {"a": ",", "c": {"a": "\\"", "\\u0063": 2}}], "also": {"unknown": 1e999}}'
    )
    refused = refused_org.client.request(route[0], path_of(route, refused_org), content=content, headers=JSON)
    assert (refused.status, refused.code) == (422, "validation_error")


@cells(WITH_BODY, ["application/json", "application/json; charset=utf-8", 'Application/JSON ;charset="UTF-8"'])
def test_a_byte_order_mark_before_json_is_ignored(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    content, headers = b'\xef\xbb\xbf{"unknown": 1}', {"Content-Type": kind}
    refused = refused_org.client.request(route[0], path_of(route, refused_org), content=content, headers=headers)
    assert (refused.status, refused.details) == (422, {"unknown": "Unknown field"})


def test_a_body_after_a_byte_order_mark_is_accepted(org: Organization) -> None:
    content = b"\xef\xbb\xbf" + json.dumps({"name": "Marked"}).encode()
    assert org.client.request("POST", "/v1/api-keys", content=content, headers=JSON).data["name"] == "Marked"
    verified = b"\xef\xbb\xbf" + json.dumps({"key": org.manager.secret}).encode()
    assert org.client.request("POST", "/v1/api-keys/verify", content=verified, headers=JSON).data["valid"] is True


@cells(WITH_BODY, ["gzip", "GZIP", "br", "deflate", "gzip, identity", "identity, gzip"])
def test_a_body_with_a_content_coding_is_refused(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    headers = {**JSON, "Content-Encoding": kind}
    refused = refused_org.client.request(
        route[0], path_of(route, refused_org), content=gzip.compress(b"{}"), headers=headers
    )
    assert (refused.status, refused.code) == (415, "unsupported_media_type")
    assert refused.headers["accept-encoding"] == "identity"
    plain = {**JSON, "Content-Encoding": "identity"}
    uncompressed = refused_org.client.request(
        route[0], path_of(route, refused_org), content=b'{"unknown": 1}', headers=plain
    )
    assert uncompressed.details == {"unknown": "Unknown field"}


DELETING = {
    ("DELETE", "/v1/mcps/{mcp_id}"),
    ("DELETE", "/v1/organization/members/{user_id}"),
    ("DELETE", "/v1/webhooks/{webhook_id}"),
}


@with_body
def test_an_empty_body_is_an_empty_object(org: Organization, route: tuple[str, str]) -> None:
    empty = org.client.request(route[0], path_of(route, org), content=b"", headers=JSON)
    as_object = org.client.request(route[0], path_of(route, org), {})
    if route in DELETING:
        assert (empty.status, as_object.status) == (200, 404), "a deleted resource cannot be deleted again"
    else:
        assert empty.status == as_object.status in {200, 422}


IDS = {
    "10,000 characters": "k" * 10_000,
    "a zero": "%00",
    "a zero inside": "key_%00",
    "a surrogate": "%ED%A0%80",
    "invalid UTF-8": "%FF%FE",
    "a slash": "a%2Fb",
    "two slashes": "%2F%2F",
    "dots": "..%2F..%2Fetc%2Fpasswd",
    "a line break": "a%0D%0AX-Evil:%201",
    "a percent sign": "%25",
    "half an escape": "%",
    "SQL": "'%20or%201=1--",
    "a question mark": "%3Fq=1",
    "a semicolon": "key;v=1",
    "a star": "*",
    "an id of another kind": "org_" + "0" * 26,
    "upper case": "KEY_" + "0" * 26,
    "an emoji": "%F0%9F%98%80",
}


WITH_IDS = [route for route, rule in RULES.items() if rule.keys and "{" in route[1]]


@cells(WITH_IDS, IDS, THOROUGH_IDS)
def test_a_malformed_id_is_not_found(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    path = re.sub(r"\{\w+\}", lambda _: IDS[kind], route[1])
    refused = refused_org.client.request(route[0], path, BODIES.get(route))
    assert refused.status in {404, 405}
    assert "x-evil" not in refused.headers


QUERIES = {
    "a zero": "q=%00",
    "invalid UTF-8": "q=%FF",
    "an unknown parameter": "unknown=1",
    "a name without a value": "unknown",
    "a value without a name": "=1",
    "a zero as a name": "%00=1",
    "20,000 letters": "unknown=" + "x" * 20_000,
    "a thousand names": "&".join(f"n{number}=1" for number in range(1_000)),
    "a repeated parameter": "unknown=1&unknown=2",
    "brackets": "unknown[]=1&unknown[a]=2",
    "half an escape": "unknown=%",
    "an emoji": "%F0%9F%98%80=1",
}


@cells(ROUTES, QUERIES, THOROUGH_QUERIES)
def test_a_malformed_query_is_refused(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    refused = refused_org.client.request(route[0], f"{path_of(route, refused_org)}?{QUERIES[kind]}", BODIES.get(route))
    assert (refused.status, refused.code) in {(422, "validation_error"), (400, "invalid_request")}


@pytest.mark.parametrize("name", ["status", "environment", "page", "order", "unused_for_days"])
@pytest.mark.parametrize("null", ["null", "NULL"])
def test_a_filter_with_the_value_null_is_refused(refused_org: Organization, name: str, null: str) -> None:
    """Otherwise the filter would count as absent, and the list would contain everything."""
    refused = refused_org.client.get(f"/v1/api-keys?{name}={null}")
    assert (refused.status, refused.details) == (422, {name: "Must not be null"})


@pytest.mark.parametrize("number", ["0.5", "1700000000", "-1"])
def test_a_number_is_not_a_valid_time(refused_org: Organization, number: str) -> None:
    refused = refused_org.client.get(f"{refused_org.manager.path}/activity?from={number}")
    assert (refused.status, list(refused.details)) == (422, ["from"])


def test_a_search_for_the_word_null_is_accepted(org: Organization) -> None:
    key = org.key(name="null and void")
    assert [found["id"] for found in org.client.get("/v1/api-keys?q=null").data] == [key.id]


RAW_HEADERS: dict[str, list[tuple[bytes, bytes]]] = {
    "two credentials": [(b"Authorization", b"Bearer x"), (b"Authorization", b"Basic y")],
    "bytes that are not ASCII": [(b"X-Anything", b"\xff\xfe\x80")],
    "a credential that is not ASCII": [(b"Authorization", b"Bearer \xff\xfe")],
    "a long header": [(b"X-Anything", b"x" * 20_000)],
    "an idempotency key twice": [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b")],
    "a revision twice": [(b"If-Match", b'"1"'), (b"If-Match", b'"2"')],
    "an invalid forwarded address": [(b"X-Forwarded-For", b"nonsense, \xff, ::::")],
    "a huge revision": [(b"If-Match", b'"' + b"9" * 5_000 + b'"')],
    "a user agent that is not ASCII": [(b"User-Agent", b"\x80\xff")],
    "an unacceptable media type": [(b"Accept", b"image/png;q=0")],
    "a content encoding": [(b"Content-Encoding", b"gzip")],
    "an expectation": [(b"Expect", b"100-continue")],
    "an upgrade": [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")],
    "another host": [(b"Host", b"evil.example"), (b"X-Forwarded-Host", b"evil.example")],
}


@cells(ROUTES, RAW_HEADERS, THOROUGH_QUERIES)
def test_unusual_headers_cause_no_internal_error(
    api: Api, org: Organization, route: tuple[str, str], kind: str
) -> None:
    path = path_of(route, org)
    body = json.dumps(BODIES.get(route, {})).encode() if route[0] != "GET" else b""
    lines = [
        f"{route[0]} {path} HTTP/1.1".encode(),
        *([] if kind == "another host" else [b"Host: a"]),
        b"Authorization: Bearer " + org.manager.secret.encode(),
        b"Content-Type: application/json",
        b"Content-Length: " + str(len(body)).encode(),
        *[name + b": " + value for name, value in RAW_HEADERS[kind]],
        b"",
        body,
    ]
    response, content = api.server.exchange(b"\r\n".join(lines))
    assert response.status < 500 or b"mcp_" in content, content
    assert response.getheader("x-request-id")
    assert b"evil" not in content
    if response.status >= 400:
        assert json.loads(content)["error"]["request_id"] == response.getheader("x-request-id")


UNKNOWN_METHOD = "X" * 50


@cells(
    [route for route in ROUTES if route[1] not in ANY_METHOD],
    ["OPTIONS", "PUT", "TRACE", "PROPFIND", UNKNOWN_METHOD],
    THOROUGH_QUERIES,
)
def test_unsupported_methods_are_refused(refused_org: Organization, route: tuple[str, str], kind: str) -> None:
    refused = refused_org.client.request(kind, path_of(route, refused_org))
    # The parser knows the registered methods only.
    assert refused.status in ({400} if kind == UNKNOWN_METHOD else {404, 405})


@pytest.mark.parametrize(
    "target", ["http://other.example/v1/api-keys", "http://127.0.0.1/v1/api-keys", "*", "v1/api-keys", "//evil/v1/mcps"]
)
def test_other_forms_of_the_request_target_get_a_response(api: Api, refused_org: Organization, target: str) -> None:
    request = (
        f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: {refused_org.manager.secret}\r\n\r\n"
    )
    response, _ = api.server.exchange(request.encode())
    assert response.status in {200, 400, 404}


BROKEN_HTTP = {
    "another version": b"GET /v1/api-keys HTTP/3.7\r\nHost: a\r\n\r\n",
    "a bare line": b"hello\r\n\r\n",
    "a header without a colon": b"GET /v1/api-keys HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "a zero in a header": b"GET /v1/api-keys HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n",
    "a space before the colon": b"GET /v1/api-keys HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n",
    "a length that is not a number": b"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    "a negative length": b"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a broken chunk": b"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a space in the path": b"GET /v1/api keys HTTP/1.1\r\nHost: a\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.parametrize("kind", BROKEN_HTTP)
def test_malformed_http_is_refused_or_disconnected_and_the_next_request_is_served(api: Api, kind: str) -> None:
    """The HTTP parser of the server responds before a request exists, so the response has no problem document."""
    with suppress(ConnectionError, http.client.HTTPException):  # disconnected; a hang would be a TimeoutError
        response, _ = api.server.exchange(BROKEN_HTTP[kind])
        assert response.status < 500
    assert api.client().get("/health/live").status == 200


SIZES = {"one byte more": MIB + 1, "20 MiB": 20 * MIB}


@cells(WITH_BODY, SIZES)
def test_a_body_of_more_than_one_mebibyte_is_refused(
    refused_org: Organization, route: tuple[str, str], kind: str
) -> None:
    refused = refused_org.client.request(
        route[0], path_of(route, refused_org), content=b" " * SIZES[kind], headers=JSON
    )
    assert (refused.status, refused.code) == (413, "payload_too_large")


def test_clients_that_send_incomplete_bodies_do_not_delay_others(api: Api, org: Organization) -> None:
    head = b"POST /v1/api-keys HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", api.server.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(head)
        started = time.monotonic()
        assert org.client.get("/v1/api-keys").status == 200
        assert org.verify(org.manager.secret)["valid"] is True
        assert time.monotonic() - started < 25  # the time limit of a body is 30 s
    finally:
        for connection in slow:
            connection.close()


def test_clients_that_disconnect_before_the_response_do_not_affect_others(api: Api, org: Organization) -> None:
    body = json.dumps({"key": org.manager.secret}).encode()
    head = (
        "POST /v1/api-keys/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {org.manager.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", api.server.port)) as connection:
            connection.sendall(head.encode() + body)
    assert org.verify(org.manager.secret)["valid"] is True


JSON = {"Content-Type": "application/json"}

_ids: dict[tuple[str, str], str] = {}


def path_of(route: tuple[str, str], org: Organization) -> str:
    """Return the path with ids of resources of the organization, which are created when they are first needed."""
    return re.sub(r"\{(\w+)\}", lambda found: _id_of(found[1], org), route[1])


def _id_of(name: str, org: Organization) -> str:
    if (org.id, name) not in _ids:
        _ids[org.id, name] = _create(name, org)
    return _ids[org.id, name]


def _create(name: str, org: Organization) -> str:
    match name:
        case "key_id":
            return org.key().id
        case "mcp_id":
            return org.mcp()
        case "user_id":
            return person(org.api, org.id).id
        case "webhook_id":
            webhook: str = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
            return webhook
        case "invite_id":
            body = {"email": "grace@example.com", "role": "viewer"}
            invitation: str = org.client.post("/v1/organization/members/invite", body).data["invite_id"]
            return invitation
        case _:
            raise KeyError(name)
