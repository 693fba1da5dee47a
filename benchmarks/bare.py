"""An ASGI application without a framework that reads the body and sends a fixed response: what the server costs."""

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.empty import BODY

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}
_BODY = {"type": "http.response.body", "body": BODY}


def app() -> ASGIApp:
    return _respond


async def _respond(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_BODY)
