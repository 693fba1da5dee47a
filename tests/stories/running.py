"""`make run` in a separate process, with its output, its processes, and requests to its API."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedded.orphan_reaper import belonging_to
from embedded.processes import is_running, mark_of, marked_with, wait_for, working_in
from tests.process_tree import root_of
from tests.programs import inherited_environment
from tests.waiting import stretched

ROOT = Path(__file__).parents[2]
READY = "Keyledger runs at "


def environment_of(home: Path, port: int, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**inherited_environment(), "KEYLEDGER_HOME": str(home), "PORT": str(port), **(changes or {})}


def as_module(environment: Mapping[str, str], folder: Path = ROOT) -> "subprocess.Popen[str]":
    """Start `make run` in `folder`, where Python looks for packages first."""
    return subprocess.Popen(
        [sys.executable, "-m", "embedded", "run"],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Run:
    """One run. `lines` contains its output so far."""

    def __init__(self, home: Path, port: int, process: "subprocess.Popen[str]") -> None:
        self.home = home
        self.port = port
        self.process = process
        self.lines: list[str] = []
        self.began = time.monotonic()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait_for_line(self, words: str, seconds: float = 120, *, after: int = 0) -> None:
        """Wait for a line that contains `words`, after the first `after` lines.

        Fail if the process ends first or the time is over.
        """
        wait_for(lambda: self._has_printed(words, after) or not self._listener.is_alive(), stretched(seconds))
        assert self._has_printed(words, after), "\n".join(self.lines)

    def everything(self) -> list[int]:
        return [pid for pid in belonging_to(self.home) if is_running(pid)]

    def main_process(self, name: str) -> int:
        """Return the id of the main process of a part."""
        if name == "postgresql":
            return int((self.home / name / "postmaster.pid").read_text().split()[0])
        if name == "valkey":
            return root_of(working_in(self.home / name, "valkey-server"))
        return root_of(marked_with(mark_of(self.home, name)))

    def credentials(self) -> dict[str, str]:
        settings = (self.home / "demo.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in settings if "=" in line and not line.startswith("#"))

    def get(self, path: str, key: str | None = None) -> tuple[int, Any]:
        """Return the status and the decoded JSON, or (0, None) without a response."""
        return self._request("GET", path, key, None)

    def post(self, path: str, content: object) -> int:
        """Return the status of a request without a key."""
        return self._request("POST", path, None, content)[0]

    def call_tool(self, tool: str, **arguments: object) -> tuple[int, Any]:
        """Call a tool of the example MCP server with the demo key."""
        credentials = self.credentials()
        body = {"mcp_id": credentials["DEMO_MCP_ID"], "tool": tool, "arguments": arguments}
        return self._request("POST", "/v1/mcp/invoke", credentials["DEMO_API_KEY"], body)

    def _request(self, method: str, path: str, key: str | None, content: object) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            if content is None:
                connection.request(method, path, headers=headers)
            else:
                connection.request(method, path, json.dumps(content), {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return 0, None
        finally:
            connection.close()
        return answer.status, json.loads(body) if body.startswith(b"{") else None

    def close(self, seconds: float = 30) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=seconds)
        self._listener.join(timeout=seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _listen(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self.lines.append(line.rstrip())

    def _has_printed(self, words: str, after: int) -> bool:
        return any(words in line for line in self.lines[after:])


@contextmanager
def running(
    home: Path,
    port: int,
    changes: Mapping[str, str] | None = None,
    start: "Callable[[Mapping[str, str]], subprocess.Popen[str]]" = as_module,
) -> Generator[Run]:
    """Start a run, wait until it is ready, and stop it at the end."""
    run = Run(home, port, start(environment_of(home, port, changes)))
    try:
        run.wait_for_line(READY)
        yield run
    finally:
        run.close()


def printed_link(run: Run) -> str:
    """Return the address that a run prints when it is ready and that signs the demo owner in."""
    run.wait_for_line("Open this address to sign in")
    run.wait_for_line("/sign-in/confirm?token=")
    return next(line.strip() for line in run.lines if "?token=" in line)


def key_ids(run: Run) -> list[str]:
    """Return the ids of all keys, listed through the API with the management key of the first run."""
    status, body = run.get("/v1/api-keys", run.credentials()["KEYLEDGER_ADMIN_KEY"])
    assert status == 200, body
    return sorted(item["id"] for item in body["data"])
