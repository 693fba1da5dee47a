"""`python -m examples.mcp_server --port N`: a small MCP server over Streamable HTTP on 127.0.0.1."""

import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import uvicorn

from examples.mcp_server.access import AccessControl, HeaderRequired, basic, bearer
from examples.mcp_server.server import build

HOST = "127.0.0.1"
# When the server stops, it cancels calls that are still running after this time, such as calls of the tool `wait`.
STOP_SECONDS = 1


def main() -> None:
    arguments = _parser().parse_args()
    parameter = None if arguments.require_query is None else (arguments.require_query[0], arguments.require_query[1])
    mcp_app = build().streamable_http_app(host=HOST)
    app = AccessControl(mcp_app, _required_header(arguments), arguments.record, parameter)
    asyncio.run(_serve(app, _listen(arguments.port)))


def _listen(port: int) -> socket.socket:
    # IPPROTO_TCP must be explicit: only then does asyncio disable Nagle's algorithm on accepted connections. With it,
    # every response waits 40 ms for the other side's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"error: port {port} of {HOST} is in use; choose another with --port", file=sys.stderr)
        raise SystemExit(1) from None
    listener.listen(512)
    return listener


async def _serve(app: AccessControl, listener: socket.socket) -> None:
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_SECONDS))
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, server.stop)
    # Print this line only now: the program that reads it may connect or send a signal immediately. The socket already
    # accepts connections, and the signal handlers are installed.
    print(f"listening on http://{HOST}:{listener.getsockname()[1]}/mcp", flush=True)
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    def stop(self) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        # uvicorn would raise the signal again after its shutdown, and the process would end with the signal instead of
        # status 0.
        yield


def _required_header(arguments: argparse.Namespace) -> HeaderRequired | None:
    if arguments.require_bearer is not None:
        return bearer(arguments.require_bearer)
    if arguments.require_api_key is not None:
        header, value = arguments.require_api_key
        return header, value
    if arguments.require_basic is not None:
        username, password = arguments.require_basic
        return basic(username, password)
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.mcp_server", description="A small MCP server.")
    parser.add_argument("--port", type=int, default=8765, help="0 chooses a free port; default %(default)s")
    credential = parser.add_mutually_exclusive_group()
    credential.add_argument("--require-bearer", metavar="TOKEN")
    credential.add_argument("--require-api-key", nargs=2, metavar=("HEADER", "VALUE"))
    credential.add_argument("--require-basic", nargs=2, metavar=("USER", "PASSWORD"))
    credential.add_argument("--require-query", nargs=2, metavar=("PARAMETER", "VALUE"))
    parser.add_argument("--record", type=Path, metavar="FILE", help="append the headers of every request, as JSON")
    return parser


if __name__ == "__main__":
    main()
