"""Calls of API routes by pages, in the same process.

A page shows what a route returns and changes what a route changes. It calls the handler of the route with a request
that has the same caller, so authorization, validation, visibility, `If-Match` and `Idempotency-Key` are those of the
API.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, structs

from app.auth.authorization import require_access
from app.auth.callers import PersonCaller
from app.handlers import HttpRequest, raw_request
from app.http.messages import bind_raw_request
from app.http.pagination import Pagination
from app.route import Route

T = TypeVar("T")


class ListPage(Struct, Generic[T]):
    """One page of a list."""

    data: list[T]
    pagination: Pagination


class _Item(Struct, Generic[T]):
    data: T


class Called(Struct, Generic[T], frozen=True):
    """The response of a route. `replayed`: an earlier request with the same Idempotency-Key was carried out instead."""

    data: T
    replayed: bool


async def read(
    request: HttpRequest,
    person: PersonCaller,
    route: Route,
    kind: type[T],
    /,
    query: Mapping[str, object] | None = None,
    **path: str,
) -> T:
    """Return the `data` of a GET route, a `kind`."""
    content = await _respond(request, person, route, path, query=query)
    return msgspec.json.decode(content.content, type=_Item[kind]).data


async def read_list(
    request: HttpRequest,
    person: PersonCaller,
    route: Route,
    kind: type[T],
    /,
    query: Mapping[str, object] | None = None,
    **path: str,
) -> ListPage[T]:
    """Return one page of the list of a GET route, whose items are of `kind`."""
    content = await _respond(request, person, route, path, query=query)
    return msgspec.json.decode(content.content, type=ListPage[kind])


async def change(
    request: HttpRequest,
    person: PersonCaller,
    route: Route,
    kind: type[T],
    /,
    body: Mapping[str, object] | None = None,
    revision: str = "",
    idempotency_key: str = "",
    **path: str,
) -> Called[T]:
    """Call a route that changes something, and return its `data`, a `kind`.

    The change applies only to `revision`, and a repeated request with `idempotency_key` is replayed, if they are given.
    """
    headers: dict[bytes, bytes] = {}
    if revision:
        headers[b"if-match"] = f'"{revision}"'.encode("latin-1", "replace")
    if idempotency_key:
        headers[b"idempotency-key"] = idempotency_key.encode("latin-1", "replace")
    response = await _respond(request, person, route, path, body=body, headers=headers)
    data = msgspec.json.decode(response.content, type=_Item[kind]).data
    return Called(data, replayed="idempotency-replayed" in {name.lower() for name in response.headers})


async def _respond(
    request: HttpRequest,
    person: PersonCaller,
    route: Route,
    path: Mapping[str, str],
    *,
    query: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    headers: Mapping[bytes, bytes] | None = None,
) -> Any:  # noqa: ANN401 -- a response whose content is bytes
    if route.access == "any key":
        raise LookupError(f"{route.id} accepts only keys")
    require_access(person, route.access)
    inbound = raw_request(request)
    browser = {name: value for name, value in inbound.headers.items() if name not in {b"content-type", b"if-match"}}
    given = {name: value for name, value in (query or {}).items() if value is not None}
    called = structs.replace(
        inbound,
        method=route.method,
        path=route.path.format(**path),
        query=urlencode(given).encode(),
        headers={**browser, b"content-type": b"application/json", **(headers or {})},
        content=b"" if route.method == "GET" else msgspec.json.encode(body or {}),
    )
    # The framework caches parts of a request in its state, so the request of the route gets its own.
    scope: Any = {**cast("dict[str, Any]", request.scope), "auth": person, "path_params": dict(path), "state": {}}
    bind_raw_request(scope, called)
    return await route.respond(type(request)(scope), path)
