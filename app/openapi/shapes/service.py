"""Response shapes of the service itself."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Live(Struct):
    status: Literal["live"]


class Ready(Struct):
    """`checks` has one entry for every part: `ok`, or what is missing and the remedy.

    `degraded`: parts are missing, but requests are served.
    """

    status: Literal["ready", "degraded", "not ready"]
    checks: dict[str, str]


class ExplainedError(Struct):
    """The meaning, the usual cause and the remedy of an error code."""

    code: str
    status: int
    title: str
    meaning: str
    cause: str
    remedy: str


class OpenApi(Struct):
    """An OpenAPI 3.1 document; see https://spec.openapis.org/oas/v3.1.0 for its members."""

    openapi: Annotated[str, Meta(pattern="^3[.]1[.]")]
