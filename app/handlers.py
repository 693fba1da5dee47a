"""Typed access of framework handlers to the request, its caller and the services, and functions for their responses."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import State

from app.auth.callers import Caller, PersonCaller
from app.http.decoding import read_body, read_query
from app.http.errors import Problem
from app.http.messages import RawRequest, raw_request_from
from app.services import Services

HttpRequest = Request[Any, Caller, State]
HttpResponse = Response[bytes]

T = TypeVar("T", bound=msgspec.Struct)


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


def parse_body(request: HttpRequest, kind: type[T]) -> T:
    inbound = raw_request(request)
    return read_body(inbound.body, inbound.header("content-type") or "", kind)


def parse_query(request: HttpRequest, kind: type[T]) -> T:
    return read_query(raw_request(request).query, kind)


class Empty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a route without parameters, and the body of a route without a body."""


def success(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None, **members: object
) -> HttpResponse:
    """Return `{"success": true, "data": …}` with the further `members`."""
    content = msgspec.json.encode({"success": True, "data": data, **members})
    return Response(content, status_code=status, headers=dict(headers or {}), media_type="application/json")
