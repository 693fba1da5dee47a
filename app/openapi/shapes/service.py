"""How the service speaks about itself."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Live(Struct):
    status: Literal["live"]


class Ready(Struct):
    """`checks` has one entry for every part: `ok`, or what is missing and the remedy.

    `degraded`: some of it is missing, and requests are answered all the same.
    """

    status: Literal["ready", "degraded", "not ready"]
    checks: dict[str, str]


class ExplainedError(Struct):
    """What an error code means, what usually causes it, and what to do."""

    code: str
    status: int
    title: str
    meaning: str
    cause: str
    remedy: str


class OpenApi(Struct):
    """An OpenAPI 3.1 document; https://spec.openapis.org/oas/v3.1.0 says what else is in it."""

    openapi: Annotated[str, Meta(pattern="^3[.]1[.]")]
