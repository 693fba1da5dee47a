"""An empty handler of the same framework on the same server, with which verification is compared."""

from litestar import Litestar, Response, post
from litestar.types import ASGIApp


@post("/empty")
async def empty() -> Response[bytes]:
    return Response(b'{"success":true}', status_code=200, media_type="application/json")


def app() -> ASGIApp:
    return Litestar([empty], openapi_config=None, logging_config=None)
