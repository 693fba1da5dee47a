"""The example MCP server, started as a user starts it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import stretched

ROOT = Path(__file__).parents[2]


def _start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "examples.mcp_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_prints_its_address_and_stops_on_a_signal(number: signal.Signals) -> None:
    with _start("--port", "0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
        process.send_signal(number)
        output, errors = process.communicate(timeout=stretched(10))
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_port_in_use_is_reported_in_one_line() -> None:
    with _start("--port", "0") as first:
        assert first.stdout is not None
        port = first.stdout.readline().removesuffix("/mcp\n").rpartition(":")[2]
        with _start("--port", port) as second:
            _, errors = second.communicate(timeout=stretched(10))
        first.terminate()
        first.communicate(timeout=stretched(10))
    assert second.returncode == 1
    assert errors == f"error: port {port} of 127.0.0.1 is in use; choose another with --port\n"
