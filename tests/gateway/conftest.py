import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue import Catalogue
from gateway.config import GatewayConfig
from gateway.gateway import Gateway
from gateway.upstream import NoCredential, Upstream
from infrastructure.egress_policy import EgressPolicy

ROOT = Path(__file__).parents[2]
LOOPBACK = EgressPolicy.parse("127.0.0.0/8,::1/128")


class Server:
    """A real MCP server in a separate process."""

    def __init__(self, module: str, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self.process = self._start("0")

    @property
    def upstream(self) -> Upstream:
        return Upstream(self.url, NoCredential())

    def kill(self) -> None:
        self.process.kill()
        self._wait()

    def restart(self) -> None:
        """Start again at the same address."""
        port = self.url.removesuffix("/mcp").rpartition(":")[2]
        self.process = self._start(port)

    def stop(self) -> int:
        """Ask the server to stop and return its exit code."""
        self.process.terminate()
        return self._wait()

    def _start(self, port: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([*self._command, "--port", port], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        self.url = line.split()[-1]
        return process

    def _wait(self) -> int:
        code = self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


StartServer = Callable[..., Server]


@pytest.fixture(scope="module")
def start_server() -> Iterator[StartServer]:
    """Start the example server with the given arguments, and stop every started server at the end."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, module: str = "examples.mcp_server") -> Server:
            server = Server(module, list(arguments))
            stack.callback(lambda: server.process.poll() is None and server.stop())
            return server

        yield start


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        yield gateway


def stored_catalogue(*tools: dict[str, Any]) -> Callable[[], Awaitable[Catalogue]]:
    """Return a function that returns the given tools as the stored catalogue of a call."""
    catalogue = Catalogue({tool["name"]: json.dumps(tool["inputSchema"]).encode() for tool in tools})

    async def find_catalogue() -> Catalogue:
        return catalogue

    return find_catalogue


def recorded_headers(record: Path) -> list[dict[str, Any]]:
    """Return the headers of every request that a server with `--record` has recorded."""
    return [json.loads(line)["headers"] for line in record.read_text(encoding="utf-8").splitlines()]
