"""Typed access of framework handlers to the request, its caller and the services, and functions for their responses."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from app.auth.callers import Caller, PersonCaller
from app.http.decoding import encode, read_body, read_query
from app.http.errors import Problem
from app.http.messages import RawRequest, raw_request_from
from app.services import Services

HttpRequest = Request[Any, Caller, State]
HttpResponse = Response[bytes]

_STATUS = "keyledger.status"

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


class Success(Response[bytes], Generic[T]):
    """A JSON response `{"success": true, "data": …}` whose `data` is a T."""


class ListResponse(Response[bytes], Generic[T]):
    """A JSON response with `pagination`, whose `data` is one page of a list of T."""


def get_services(request: HttpRequest) -> Services:
    services: Services = request.app.state.services
    return services


def require_person(request: HttpRequest) -> PersonCaller:
    """Return the caller of a route that admits only signed-in users."""
    if not isinstance(request.auth, PersonCaller):
        raise Problem("forbidden")
    return request.auth


def raw_request(request: HttpRequest) -> RawRequest:
    return raw_request_from(request.scope)


def bind_status(request: HttpRequest, status: int) -> None:
    """Store the status that the route declares for its success."""
    request.scope["state"][_STATUS] = status


def declared_status(request: HttpRequest) -> int:
    status: int = request.scope["state"][_STATUS]
    return status


def parse_body(request: HttpRequest, kind: type[S]) -> S:
    inbound = raw_request(request)
    return read_body(inbound.body, inbound.header("content-type") or "", kind)


def parse_query(request: HttpRequest, kind: type[S]) -> S:
    return read_query(raw_request(request).query, kind)


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a route without parameters, and the body of a route without a body."""


def success(
    data: T, *, status: int | None = None, revision: int | None = None, headers: Mapping[str, str] | None = None
) -> Success[T]:
    """Return `data`, by default with the status of the route. `revision` is returned as `ETag` and `X-Revision`."""
    return encoded_success(encode_success(data), status=status, revision=revision, headers=headers)


def encode_success(data: object) -> bytes:
    return encode({"success": True, "data": data})


def encoded_success(
    content: bytes,
    *,
    status: int | None = None,
    revision: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Success[Any]:
    """Return a response whose body is the result of `encode_success`, possibly for an earlier request."""
    revised = {} if revision is None else {"ETag": f'"{revision}"', "X-Revision": str(revision)}
    return Success(content, status_code=status, headers={**revised, **(headers or {})}, media_type="application/json")
