import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[4]


class Upstream:
    """A real MCP server in its own process."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self._arguments = arguments
        self._process, self.url = self._start("0")

    def restart(self) -> None:
        """Start again at the same address."""
        self._process, self.url = self._start(str(urlsplit(self.url).port))

    def freeze(self) -> None:
        """Suspend the server so that it does not respond but keeps its connections."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _start(self, port: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.mcp_server", "--port", port, *self._arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().split()[-1]


class StartUpstream(Protocol):
    def __call__(self, *arguments: str) -> Upstream: ...


@pytest.fixture(scope="module")
def start_upstream() -> Iterator[StartUpstream]:
    """Start the example server with these arguments and stop it after the tests of the module."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str) -> Upstream:
            upstream = Upstream(arguments)
            stack.callback(upstream.stop)
            return upstream

        yield start


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream(())
    yield upstream
    upstream.stop()
