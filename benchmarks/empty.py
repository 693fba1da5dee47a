"""An empty handler of the framework that the API uses, with which verification is compared."""

from litestar import Litestar, Response, post
from litestar.types import ASGIApp

BODY = b'{"success":true}'


@post("/empty")
async def empty() -> Response[bytes]:
    return Response(BODY, status_code=200, media_type="application/json")


def app() -> ASGIApp:
    return Litestar([empty], openapi_config=None, logging_config=None)
