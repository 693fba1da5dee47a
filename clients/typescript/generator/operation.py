"""An operation of the OpenAPI document, with what its method needs to know."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clients.typescript.generator.names import REPEATS
from clients.typescript.generator.types import Object, name_in, secrets_in, type_of

_JSON = "application/json"
_HEADERS = {"#/components/parameters/IdempotencyKey", "#/components/parameters/IfMatch"}
_FORMAT = "format"


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    item: Object
    described: Object
    schemas: Object

    @cached_property
    def path_parameters(self) -> list[str]:
        return [parameter["name"] for parameter in self.item.get("parameters", [])]

    @cached_property
    def query(self) -> list[Object]:
        """Return the query parameters. The client reads JSON where that is offered, and then sends no `format`."""
        found = [each for each in self.described.get("parameters", []) if each.get("in") == "query"]
        return [each for each in found if self.is_file or each["name"] != _FORMAT]

    @property
    def query_name(self) -> str:
        return f"{camel(self.id)}Query"

    @cached_property
    def body(self) -> str | None:
        """Return the name of the schema of the body."""
        content = self.described.get("requestBody", {}).get("content", {})
        return name_in(content[_JSON]["schema"]["$ref"]) if content else None

    @property
    def is_body_required(self) -> bool:
        return bool(self.described["requestBody"]["required"])

    @cached_property
    def is_idempotent(self) -> bool:
        return "#/components/parameters/IdempotencyKey" in self._references()

    @cached_property
    def has_if_match(self) -> bool:
        return "#/components/parameters/IfMatch" in self._references()

    @cached_property
    def repeat(self) -> str:
        return REPEATS.get(self.id, "with-idempotency-key" if self.is_idempotent else "freely")

    @cached_property
    def is_file(self) -> bool:
        return _JSON not in self._success["content"]

    @cached_property
    def is_list(self) -> bool:
        return not self.is_file and "pagination" in self._envelope["properties"]

    @cached_property
    def item_type(self) -> str:
        """Return the type of an item of a list with pages."""
        return type_of(self._data["items"], sent=False)

    @cached_property
    def result_type(self) -> str:
        return f"Page<{self.item_type}>" if self.is_list else type_of(self._data, sent=False)

    @property
    def content(self) -> str:
        """Return the kind of the data in the response (`Content` in call.ts)."""
        if self.is_list:
            return "page"
        return "array" if self._data.get("type") == "array" else "object"

    @cached_property
    def secrets(self) -> list[str]:
        """Return the fields of the result that contain a secret."""
        if self.is_file or "$ref" not in self._data:
            return []
        return secrets_in(self.schemas[name_in(self._data["$ref"])])

    @cached_property
    def answers(self) -> list[int]:
        """Return the statuses other than 2xx whose response is a result and no error."""
        found = [int(status) for status, response in self.described["responses"].items() if _is_result(response)]
        return [status for status in found if status >= 300]  # noqa: PLR2004 -- the end of the successes

    @cached_property
    def timeout_milliseconds(self) -> int | None:
        """Return the default of the body's `timeout`, for which the client has to wait too."""
        properties: Object = self.schemas[self.body]["properties"] if self.body is not None else {}
        default: int | None = properties.get("timeout", {}).get("default")
        return default

    @cached_property
    def _success(self) -> Any:  # noqa: ANN401 -- JSON
        return next(response for status, response in self.described["responses"].items() if status.startswith("2"))

    @property
    def _envelope(self) -> Object:
        schema: Object = self._success["content"][_JSON]["schema"]
        return schema

    @property
    def _data(self) -> Object:
        data: Object = self._envelope["properties"]["data"]
        return data

    def _references(self) -> set[str]:
        return {parameter["$ref"] for parameter in self.described.get("parameters", []) if "$ref" in parameter}


def operations(document: Object) -> Iterator[Operation]:
    """Yield the operations in the order of the document."""
    for path, item in document["paths"].items():
        for method, described in item.items():
            if method != "parameters":
                schemas = document["components"]["schemas"]
                yield Operation(described["operationId"], method.upper(), path, item, described, schemas)


def camel(name: str) -> str:
    """Return a name in snake case as one that starts with a capital letter."""
    return "".join(part.capitalize() for part in name.split("_"))


def _is_result(response: Object) -> bool:
    return _JSON in response.get("content", {})
