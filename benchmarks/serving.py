"""The API as it runs in production, in separate processes, on a database of the benchmark."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processor_time import descendants
from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Serving:
    """A running API at `url`. `pid` is its main process."""

    url: str
    pid: int

    def resident_mib(self) -> float:
        """Return the resident memory of the main process and all of its children, in MiB."""
        return sum(_resident_kib(pid) for pid in [self.pid, *descendants(self.pid)]) / 1024


@contextmanager
def serving(database_url: str, processes: int, log: Path, *, master_key: str = "") -> Generator[Serving]:
    """Start the API with a new master key (base64), unless one is given."""
    settings = {
        "DATABASE_URL": database_url,
        "KEYLEDGER_MASTER_KEY": master_key or base64.b64encode(os.urandom(32)).decode(),
        "API_WORKERS": str(processes),
    }
    with _started(lambda _: ["app", "serve"], settings, log) as api:
        yield api


@contextmanager
def serving_nothing(processes: int, log: Path) -> Generator[Serving]:
    """Start an empty handler on the same server with the same settings."""

    def command(port: int) -> list[str]:
        server = ["granian", "--interface", "asgi", "--loop", "uvloop", "--no-ws", "--backlog", "2048"]
        return [*server, "--workers", str(processes), "--port", str(port), "--factory", "benchmarks.empty:app"]

    with _started(command, {}, log) as empty:
        yield empty


@contextmanager
def _started(command: Callable[[int], list[str]], settings: dict[str, str], log: Path) -> Generator[Serving]:
    port = free_port()
    environment = {**os.environ, **settings, "HOST": "127.0.0.1", "PORT": str(port)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command(port)], env=environment, stdout=output, stderr=output
        )
    try:
        _wait(port)
        yield Serving(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int) -> None:
    for _ in range(150):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing answers on port {port}")


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
