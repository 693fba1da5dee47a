"""One operation of the API as the document describes it.

What a route declares by itself (method, path, grant, status) is taken from it and not said again.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct, field

from domain.grants import GRANTS, Grant

Access = Grant | Literal["anyone", "any key", "people", "owner"]
"""Whom the operation lets in: who holds the grant, everyone, every key, people only, or the owner only."""

Paging = Literal["pages", "cursor"]

Fields = Mapping[str, Mapping[str, Any]]
"""What a type does not say about its fields, by name: JSON schema keywords such as `description` and `maxLength`."""

_CONVERTER = re.compile(r"\{(\w+):\w+\}")


class Body(Struct, frozen=True):
    """What the operation reads: the very Struct of its route. `fields` and `whole` say what its types do not."""

    kind: type[Struct]
    fields: Fields = field(default_factory=dict[str, dict[str, Any]])
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])
    whole: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON schema keywords about the fields together, such as `dependentRequired`."""


class Answer(Struct, frozen=True):
    """What the operation answers when it succeeds.

    `data`: the type of what stands under `data`, or of the `whole` body, and `example` one of that. Another
    `content_type` than JSON has a body that is text. With `paging` the data is a list and `pagination` stands beside.
    `texts`: other content types that the client can ask for.
    """

    data: Any = None
    example: Any = None
    content_type: str = "application/json"
    paging: Paging | None = None
    whole: bool = False
    texts: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers that only this answer has, and what they say."""


class Operation(Struct, frozen=True, kw_only=True):
    """`errors`: the codes beside those that follow from the rest. `revised`: the answer has `ETag` and `X-Revision`."""

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
    """Other answers that are no errors, by status, and what each says."""
    errors: tuple[str, ...] = ()
    revised: bool = False
    conditional: bool = False
    """Honours If-Match."""
    repeatable: bool = False
    """Honours Idempotency-Key."""

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def parameters_in_path(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


def routed(handler: Any, **described: Any) -> Operation:  # noqa: ANN401 -- a route of the framework; fields of Operation
    """The operation behind a route of the framework."""
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


def direct(method: str, path: str, route: Callable[..., Any], access: Access, **described: Any) -> Operation:  # noqa: ANN401 -- likewise
    """The operation behind a route that is answered without the framework."""
    return Operation(id=route.__name__, method=method, path=path, status=200, access=access, **described)


def plain_path(path: str) -> str:
    """`/v1/api-keys/{key_id:str}` as OpenAPI writes it, without the converter."""
    return _CONVERTER.sub(r"{\1}", path)


def _access(options: Mapping[str, Any]) -> Access:
    declared: Any = "anyone" if options.get("public") else options.get("only") or options.get("grant")
    if declared not in ("anyone", "people", "owner", *GRANTS):
        raise LookupError(f"A route lets nobody in: {options}")
    return declared
