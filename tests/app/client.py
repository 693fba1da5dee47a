"""A caller of the API. It asserts the guarantees that the contract gives for all responses on every response."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from tests.app.openapi.conformance import refuse_undescribed

T = TypeVar("T")
R = TypeVar("R")

PROBLEM_KEYS = {"type", "title", "status", "detail", "success", "error"}
ERROR_KEYS = {"code", "message", "request_id"}


@dataclass(frozen=True)
class Response:
    status: int
    headers: httpx2.Headers
    content: bytes
    method: str = "GET"

    @property
    def json(self) -> Any:  # noqa: ANN401 -- each test knows the type that it expects
        return json.loads(self.content)

    @property
    def data(self) -> Any:  # noqa: ANN401 -- likewise
        """The `data` of a success."""
        assert 200 <= self.status < 300, self.content
        assert self.json["success"] is True
        return self.json["data"]

    @property
    def error(self) -> Any:  # noqa: ANN401 -- likewise
        """The `error` of a failure."""
        assert self.status >= 400, self.content
        return self.json["error"]

    @property
    def code(self) -> str:
        code: str = self.error["code"]
        return code

    @property
    def details(self) -> Any:  # noqa: ANN401 -- likewise
        return self.error.get("details", {})

    @property
    def without_request_id(self) -> bytes:
        """The body, as if all requests had the same id."""
        return self.content.replace(self.headers["x-request-id"].encode(), b"-")

    def check_guarantees(self) -> None:
        """Assert what the contract guarantees for every response."""
        assert self.status != 500, self.content
        assert self.headers.get_list("cache-control") == ["no-store"]
        assert self.headers["x-content-type-options"] == "nosniff"
        (request_id,) = self.headers.get_list("x-request-id")
        assert 1 <= len(request_id) <= 128
        if self.status >= 400:
            self._check_problem(request_id)
        elif self._is_enveloped():
            assert self.json["success"] is True
            assert set(self.json) <= {"success", "data", "pagination"}

    def _is_enveloped(self) -> bool:
        """Return whether it is JSON in the form of the API: not the OpenAPI document, nor an answer to GitHub."""
        is_json = self.content and self.headers["content-type"] == "application/json"
        return bool(is_json) and not isinstance(self.json, list) and "openapi" not in self.json

    def _check_problem(self, request_id: str) -> None:
        if self.method == "HEAD":
            assert self.content == b""
            return
        if self.headers["content-type"] == "application/json":
            assert self.status == 503, self.content  # /health/ready, which names the missing dependencies
            return
        assert self.headers["content-type"] == "application/problem+json", self.content
        body = self.json
        assert set(body) == PROBLEM_KEYS, self.content
        assert body["status"] == self.status
        assert body["success"] is False
        assert body["type"].endswith("/problems/" + body["error"]["code"])
        assert body["title"]
        assert body["detail"] == body["error"]["message"]
        assert set(body["error"]) - {"details"} == ERROR_KEYS
        assert body["error"].get("details", {"something": "is named"}), "details are left out when there are none"
        assert body["error"]["request_id"] == request_id
        if self.status == 401:
            assert self.headers["www-authenticate"].startswith('Bearer realm="keyledger"')
        if self.status in {429, 503}:
            assert int(self.headers["retry-after"]) >= 1


class Client:
    """An HTTP client that sends its key, if it has one, as a bearer token."""

    def __init__(self, http: httpx2.Client, secret: str | None, headers: Mapping[str, str]) -> None:
        self._http = http
        self.secret = secret
        self._headers = dict(headers)
        if secret is not None:
            self._headers["Authorization"] = f"Bearer {secret}"

    def get(self, path: str, params: Mapping[str, object] | None = None, **headers: str) -> Response:
        return self.request("GET", path, params=params, headers=_named(headers))

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        return self.request("POST", path, body, headers=_named(headers))

    def patch(self, path: str, body: object, **headers: str) -> Response:
        return self.request("PATCH", path, body, headers=_named(headers))

    def delete(self, path: str, body: object = None, **headers: str) -> Response:
        return self.request("DELETE", path, body, headers=_named(headers))

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        raw_headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Response:
        """Send `body` as JSON, and `content` and `raw_headers` unchanged; `path` may be a full URL."""
        sent = dict(self._headers)
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        query = None if params is None else {name: str(value) for name, value in params.items()}
        named = [(name.encode(), value.encode("latin-1")) for name, value in {**sent, **(headers or {})}.items()]
        response = self._http.request(
            method, path, params=query, content=content, headers=[*named, *raw_headers], timeout=30
        )
        answer = Response(response.status_code, response.headers, response.content, method)
        answer.check_guarantees()
        if method != "HEAD":
            json_body = answer.json if answer.headers.get("content-type", "").endswith("json") else None
            refuse_undescribed(method, response.url.path, answer.status, answer.headers, json_body)
        return answer


def concurrently(items: Iterable[T], do: Callable[[T], R]) -> list[R]:
    """Call `do` for all items at the same time, and return the results in order."""
    work = list(items)
    with ThreadPoolExecutor(len(work)) as threads:
        return list(threads.map(do, work))


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers for keyword arguments: `if_match="3"` is the header If-Match."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
