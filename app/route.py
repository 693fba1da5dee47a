"""The declaration of a route: everything that is true of an operation of the API, next to its handler.

`Route` is used as a decorator. The types of the query, of the body and of the response are read from the signature of
the handler, so they are written once and checked by the type checker:

    @Route("GET", "/v1/alerts/{alert_id}", access="alerts:read", tag="Alerts", summary="Get an alert", …)
    async def get_alert(request: HttpRequest, alert_id: str) -> Success[Alert]: ...

A handler with a parameter `query` gets the decoded query, and one with a parameter `body` the decoded body. Without
them, the route accepts no query parameters and no body. The OpenAPI document is generated from these declarations.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, field, structs

from app.auth.authorization import Access
from app.handlers import (
    Empty,
    HttpRequest,
    HttpResponse,
    ListResponse,
    Success,
    bind_status,
    parse_body,
    parse_query,
)
from app.http.messages import DirectRoute, RawRequest, RawResponse
from app.services import Services
from app.verification.authenticate import KeyQuestion
from app.verification.hot_route import HotRoute
from app.verification.requests import VerificationResult

_PARAMETER = re.compile(r"\{(\w+)\}")


async def _no_handler(*_: object, **__: object) -> object:
    raise LookupError("This route has no handler: Route is a decorator")


class Alternative(Struct, frozen=True):
    """Another response that is not an error, such as 503 of a health check. Its schema is that of the example."""

    description: str
    example: Struct


class Route(Struct, frozen=True):
    """A route of the framework, or with `direct` one that bypasses it, because its overhead slows down uses of keys.

    A direct route authorizes and decodes its requests itself; its types are given here instead of by the signature.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """In OpenAPI form, such as `/v1/api-keys/{key_id}`."""

    access: Access | Literal["any key"]
    """Allowed callers: holders of the grant, everyone, signed-in users, the owner, or (direct routes) every key."""

    tag: str
    """The section of the API reference; see `app/openapi/introduction.py`."""

    summary: str
    description: str = ""
    status: int = 200
    example: object = None
    """The `data` of a successful response; of a list, one item."""

    body_example: Mapping[str, object] | Sequence[Mapping[str, object]] = field(default_factory=dict[str, object])
    body_schema: Mapping[str, object] = field(default_factory=dict[str, object])
    """JSON schema keywords that the type of the body does not express, such as `dependentRequired`."""

    errors: tuple[str, ...] = ()
    """Codes in addition to those that the other fields imply."""

    alternatives: Mapping[int, Alternative] = field(default_factory=dict[int, Alternative])
    """Further responses by status. One with the status of the route replaces the status in that response."""

    has_revision: bool = False
    """The response has `ETag` and `X-Revision`."""

    if_match: bool = False
    """The change can be made conditional on a revision with If-Match."""

    idempotent: bool | None = None
    """Supports Idempotency-Key. By default, PATCH and DELETE do."""

    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()
    """Texts that the client can request instead."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Descriptions of headers that only this response has."""

    direct: bool = False
    any_method: bool = False
    """Every method is handled like that of the (direct) route. A gateway asks with the method of the request that it
    checks."""

    query: type[Struct] | None = None
    body: type[Struct] | None = None
    body_items: type[Struct] | None = None
    """The body of a direct route is an array of these, not a `body`."""

    response: Any = None
    """The type of `data`; of a list, of one item. None: a text."""

    paging: Literal["pages", "cursor"] | None = None
    is_enveloped: bool = True
    """Whether JSON is `{"success": true, "data": …}`."""

    answer: Callable[[KeyQuestion, VerificationResult, Services], RawResponse] | None = None
    """The route is hot: its handler is a plain function that returns a question, and this one answers it. Direct routes
    only."""

    handler: Callable[..., Any] = _no_handler

    def __call__(self, handler: Callable[..., Any]) -> "Route":
        """Return the route with its handler."""
        if self.any_method and not self.direct:
            raise ValueError(f"{self.path}: the framework handles the methods of a route that is not direct")
        idempotent = self.method in {"PATCH", "DELETE"} if self.idempotent is None else self.idempotent
        declared = structs.replace(self, handler=handler, idempotent=idempotent)
        if self.direct:
            return declared
        types = get_type_hints(handler, include_extras=True)
        query = types.get("query")
        response, is_list = _response_type(types["return"])
        return structs.replace(
            declared,
            query=query,
            body=types.get("body"),
            response=response or self.response,
            paging=("pages" if "page" in query.__struct_fields__ else "cursor") if is_list and query else None,
        )

    @property
    def id(self) -> str:
        """Return the name of the handler, which is the `operationId` in the OpenAPI document."""
        return self.handler.__name__

    @property
    def target(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def path_parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    def to_framework(self) -> HTTPRouteHandler:
        """Return the route for Litestar. The guard `authorize` runs before the query and the body are decoded."""

        async def handle(request: HttpRequest) -> HttpResponse:
            return await self.respond(request, request.path_params)

        handle.__name__, handle.__module__ = self.handler.__name__, self.handler.__module__
        path = _PARAMETER.sub(r"{\1:str}", self.path)
        declare = HTTPRouteHandler(path, http_method=self.method, status_code=self.status, access=self.access)
        return declare(handle)

    async def respond(self, request: HttpRequest, path_parameters: Mapping[str, str]) -> HttpResponse:
        """Decode the query and the body of `request`, and return the response of the handler."""
        bind_status(request, self.status)
        given: dict[str, Any] = dict(path_parameters)
        query = parse_query(request, self.query or Empty)
        if self.query is not None:
            given["query"] = query
        if self.method != "GET":
            body = parse_body(request, self.body or Empty)
            if self.body is not None:
                given["body"] = body
        return await self.handler(request, **given)

    def to_direct(self, services: Services) -> DirectRoute:
        """Return the route for the middleware, which calls it instead of the framework."""
        hot = self.to_hot(services)
        if hot is not None:
            return hot.to_direct(services.verification)
        handler = self.handler
        return lambda inbound: handler(inbound, services)

    def to_hot(self, services: Services) -> HotRoute | None:
        """Return the route for the HTTP protocol; None if the route is not hot."""
        handler, answer = self.handler, self.answer
        if answer is None:
            return None

        def ask_services(inbound: RawRequest) -> KeyQuestion:
            question: KeyQuestion = handler(inbound, services)
            return question

        def answer_with_services(question: KeyQuestion, result: VerificationResult) -> RawResponse:
            return answer(question, result, services)

        return HotRoute(
            self.method, self.path, any_method=self.any_method, ask=ask_services, answer=answer_with_services
        )


def _response_type(returned: Any) -> tuple[Any, bool]:  # noqa: ANN401 -- any annotation
    """Return the T of `Success[T]` or `ListResponse[T]` and whether it is a list; for a union, of the first member."""
    for member in (returned, *get_args(returned)):
        if get_origin(member) in (Success, ListResponse):
            return get_args(member)[0], get_origin(member) is ListResponse
    return None, False
