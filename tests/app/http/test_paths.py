"""Rules for the paths of all routes (API, pages and direct routes), generated from the table of routes."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.app import routes
from tests.app.organizations import Api

Route = tuple[str, str]
Send = Callable[[str, str], http.client.HTTPResponse]

ALL: dict[str, set[str]] = {}
for _method, _path in routes.ALL:
    ALL.setdefault(_path, set()).add(_method)

paths = pytest.mark.parametrize("template", sorted(ALL))
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")

VARIANTS: dict[str, Callable[[str], str]] = {
    "a slash at the end": lambda path: f"{path}/",
    "an encoded slash at the end": lambda path: f"{path}%2F",
    "two slashes at the beginning": lambda path: f"/{path}",
    "two slashes inside": lambda path: path.replace("/", "//", 2).removeprefix("/"),
    "two slashes at the end": lambda path: f"{path}//",
    "an encoded slash": lambda path: "/" + path[1:].replace("/", "%2F", 1) if "/" in path[1:] else f"/{path[1:]}%2F",
    "an encoded slash in lower case": lambda path: "/" + path[1:] + "%2fmore",
    "a dot segment": lambda path: f"/.{path}",
    "a dot segment at the end": lambda path: f"{path}/.",
    "a double dot segment": lambda path: f"/x/..{path}",
    "a double dot segment at the end": lambda path: f"{path}/x/..",
    "an encoded double dot segment": lambda path: f"/x/%2e%2E{path}",
}


@pytest.fixture
def send(api: Api) -> Iterator[Send]:
    with closing(http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=60)) as connection:

        def request(method: str, target: str) -> http.client.HTTPResponse:
            connection.request(method, target)
            response = connection.getresponse()
            response.read()
            return response

        yield request


@paths
def test_a_variant_of_a_path_is_not_found(send: Send, template: str) -> None:
    path = _filled(template)
    for kind, write in VARIANTS.items():
        if write(path) in {"/", path}:
            continue
        for method in sorted(ALL[template] | {"HEAD", "OPTIONS", "PUT"}):
            response = send(method, write(path))
            assert response.status == 404, (kind, method, write(path))
            assert response.getheader("allow") is None


@paths
def test_an_encoded_letter_is_equal_to_the_letter(send: Send, template: str) -> None:
    """RFC 3986 §6.2.2.2"""
    path = _filled(template)
    encoded = re.sub(r"[a-z]", lambda letter: f"%{ord(letter[0]):02x}", path, count=1)
    method = min(ALL[template])
    plain, variant = send(method, path), send(method, encoded)
    assert variant.status == plain.status
    assert send("PUT", encoded).status == (plain.status if template in routes.ANY_METHOD else 405)


@pytest.mark.parametrize("template", sorted(set(ALL) - routes.ANY_METHOD))
def test_an_unsupported_method_is_refused_with_the_supported_methods(send: Send, template: str) -> None:
    answered = {*ALL[template], *(["HEAD"] if "GET" in ALL[template] else [])}
    for method in sorted({*METHODS} - answered):
        response = send(method, _filled(template))
        assert response.status == 405, method
        assert set((response.getheader("allow") or "").split(", ")) == answered, method


@pytest.mark.parametrize("template", sorted(path for path in ALL if "GET" in ALL[path]))
def test_head_returns_the_response_of_get_without_a_body(api: Api, template: str) -> None:
    path = _filled(template)
    if template in {"/health/ready", "/metrics"}:
        pytest.skip("its response changes every second")
    request = f"{{}} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    got, _ = api.server.exchange(request.format("GET").encode())
    head, body = api.server.exchange(request.format("HEAD").encode())
    assert (head.status, body) == (got.status, b"")
    assert head.getheader("content-type") == got.getheader("content-type")


def _filled(template: str) -> str:
    return re.sub(r"\{\w+(:str)?\}", "conflict", template)
