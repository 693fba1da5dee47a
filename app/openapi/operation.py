"""Description of one operation of the API.

Everything that a route declares itself (method, path, grant, status) is read from the route.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from app.route import Route
from domain.grants import GRANTS, Grant

Access = Grant | Literal["anyone", "any key", "people", "owner"]
"""Allowed callers: holders of the grant, everyone, every key, signed-in users only, or the owner only."""

Paging = Literal["pages", "cursor"]

Fields = Mapping[str, Mapping[str, Any]]
"""Additions to a type's fields, by name: JSON schema keywords such as `description` and `maxLength`."""

_CONVERTER = re.compile(r"\{(\w+):\w+\}")


class Body(Struct, frozen=True):
    """The request body: the Struct that the route decodes. `fields` and `whole` add what its types do not express."""

    kind: type[Struct]
    fields: Fields = field(default_factory=dict[str, dict[str, Any]])
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])
    whole: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON schema keywords for the body as a whole, such as `dependentRequired`."""


class Answer(Struct, frozen=True):
    """The response to a successful request.

    `data` is the type of the `data` member, or of the body if `whole` is set; `example` is a value of it. A body with a
    `content_type` other than JSON is a text. With `paging`, the data is a list with `pagination` next to it. `texts`
    are other content types that the client can request.
    """

    data: Any = None
    example: Any = None
    content_type: str = "application/json"
    paging: Paging | None = None
    whole: bool = False
    texts: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Descriptions of headers that only this response has."""


class Operation(Struct, frozen=True, kw_only=True):
    """An operation. `errors` are codes in addition to those that the other fields imply.

    `revised`: the response has `ETag` and `X-Revision`.
    """

    id: str
    method: str
    path: str
    status: int
    access: Access
    tag: str
    summary: str
    description: str
    answer: Answer
    body: Body | None = None
    query: type[Struct] | None = None
    query_fields: Fields = field(default_factory=dict[str, dict[str, Any]])
    also: Mapping[int, tuple[str, Answer]] = field(default_factory=dict[int, tuple[str, Answer]])
    """Other responses that are not errors, by status, each with a description."""
    errors: tuple[str, ...] = ()
    revised: bool = False
    conditional: bool = False
    """Supports If-Match."""
    repeatable: bool = False
    """Supports Idempotency-Key."""

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def parameters_in_path(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


def routed(handler: Any, **described: Any) -> Operation:  # noqa: ANN401 -- a route of the framework; fields of Operation
    """Return the operation of a framework route."""
    (method,) = handler.http_methods
    (path,) = handler.paths
    described.setdefault("repeatable", method in {"PATCH", "DELETE"})
    return Operation(
        id=handler.fn.__name__,
        method=str(method),
        path=plain_path(path),
        status=handler.status_code,
        access=_access(handler.opt),
        **described,
    )


def direct(method: str, path: str, route: Callable[..., Any], access: Access, **described: Any) -> Operation:  # noqa: ANN401 -- fields of Operation
    """Return the operation of a direct route."""
    return Operation(id=route.__name__, method=method, path=path, status=200, access=access, **described)


def declared(route: Route) -> Operation:
    """Return the operation of a route that declares itself."""
    content = {"content_type": route.media_type, "texts": route.other_media_types, "headers": route.headers}
    answer = Answer(route.response, _json(route.example), paging=route.paging, whole=not route.is_enveloped, **content)
    return Operation(
        id=route.id,
        method=route.method,
        path=route.path,
        status=route.status,
        access=route.access,
        tag=route.tag,
        summary=route.summary,
        description=route.description,
        answer=answer,
        body=None if route.body is None else Body(route.body, {}, route.body_example, route.body_schema),
        query=route.query,
        also={
            status: (other.description, Answer(type(other.example), _json(other.example)))
            for status, other in route.alternatives.items()
        },
        errors=route.errors,
        revised=route.has_revision,
        conditional=route.if_match,
        repeatable=bool(route.idempotent),
    )


def _json(example: object) -> Any:  # noqa: ANN401 -- JSON
    """Return an example as JSON values. `msgspec.to_builtins` does not support `msgspec.Raw`."""
    return msgspec.json.decode(msgspec.json.encode(example))


def plain_path(path: str) -> str:
    """Return a path such as `/v1/api-keys/{key_id:str}` in OpenAPI form, without the converter."""
    return _CONVERTER.sub(r"{\1}", path)


def _access(options: Mapping[str, Any]) -> Access:
    access: Any = options.get("access")
    if access not in ("anyone", "people", "owner", *GRANTS):
        raise LookupError(f"A route declares no access: {options}")
    return access
